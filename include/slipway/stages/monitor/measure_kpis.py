"""Measure the KPIs of a window by their queries, and record the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.judge_kpis import MeasuredKpi, judge_kpis
from slipway.stages.monitor.kpi_views import read_views
from slipway.stages.monitor.windows import Window, parse_monitored_window

if TYPE_CHECKING:
    from slipway.records.run_context import RunContext
    from slipway.records.run_records import RunRecord
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.kpis import Kpi
    from slipway.stages.ports.kpi_queries import KpiQueries, Parameters
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.tables import Tables


def measure_kpis(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    tables: Tables,
    log: PredictionLog,
    queries: KpiQueries,
) -> RunRecord:
    """Measure the KPIs of one window, once: `ok`, `breached` or `inconclusive`.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        context: Store of the records, and origin.
        tables: Features and labels.
        log: Predictions.
        queries: What carries the SQL out.

    Raises:
        BadParameter: There is no such window.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)
    kpis = spec.monitoring.kpis

    def measure(window: Window, asked: list[Kpi]) -> dict[str, MeasuredKpi]:
        try:
            rows = read_views(spec, dataset, window, tables=tables, log=log)
        except NotComputable as error:
            return {one.name: MeasuredKpi(problem=error.message) for one in asked}
        bounds: Parameters = {
            "start": window.start,
            "end": window.end,
            "version": monitored.version,
        }
        found = {}
        for one in asked:
            try:
                found[one.name] = MeasuredKpi(queries.evaluate(one.sql, rows, bounds))
            except NotComputable as error:
                found[one.name] = MeasuredKpi(problem=error.message)
        return found

    def work(_: Attempt) -> Verdict:
        found = measure(monitored.window, kpis)
        compared = [one for one in kpis if one.max_change is not None]
        if compared:
            before = measure(monitored.window.preceding(), compared)
            for name, earlier in before.items():
                now = found[name]
                found[name] = MeasuredKpi(now.value, earlier.value, now.problem)
        return judge_kpis(kpis, found)

    inputs = monitored.inputs() | {
        "kpis": digest(encode([one.model_dump() for one in kpis]))[:12],
    }
    return perform(context, monitored.ref(spec.model, "kpis"), work, inputs=inputs)
