"""Wire the checks of `slipway check` that need a tool."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.report.check import ExpectationCheck
    from slipway.stages.report.check_kpis import KpiCheck


def expectation_check() -> ExpectationCheck | None:
    """Return Great Expectations' check of expectations, or None where it is not installed."""
    if find_spec("great_expectations") is None:
        return None
    from slipway.adapters.expectations.mistakes import check_expectations

    return check_expectations


def kpi_check() -> KpiCheck | None:
    """Return DuckDB's check of queries, or None where it is not installed."""
    if find_spec("duckdb") is None:
        return None
    from slipway.adapters.kpi_queries import DuckDbQueries

    return DuckDbQueries().mistake
