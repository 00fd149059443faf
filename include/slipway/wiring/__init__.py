"""The composition root: make adapters from settings, and pass them to stages."""

from slipway.wiring.container import Container
from slipway.wiring.ingest import acknowledge, claim
from slipway.wiring.monitor import collect
from slipway.wiring.score import partitions
from slipway.wiring.stage_table import STAGES, run_stage

__all__ = ["STAGES", "Container", "acknowledge", "claim", "collect", "partitions", "run_stage"]
