"""Wire the checks of `slipway check` that need a tool."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.report.check import ExpectationCheck, KpiCheck


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
    from slipway.stages.monitor.kpis.check_kpis import kpi_problems

    return partial(kpi_problems, check=DuckDbQueries().mistake)
