"""KPI queries on DuckDB, over views whose rows lie in temporary files."""

from slipway.adapters.kpi_queries.queries import DuckDbQueries

__all__ = ["DuckDbQueries"]
