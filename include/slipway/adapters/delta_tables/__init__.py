"""Delta tables (deltalake), on a local folder or on S3."""

from slipway.adapters.delta_tables.score_table import ScoreTable
from slipway.adapters.delta_tables.tables import DeltaTables

__all__ = ["DeltaTables", "ScoreTable"]
