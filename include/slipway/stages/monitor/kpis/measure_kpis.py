"""Measure the KPIs of a window by their queries, and record the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.kpis.judge_kpis import MeasuredKpi, judge_kpis
from slipway.stages.monitor.kpis.kpi_views import WindowViews, view_types
from slipway.stages.monitor.windows.windows import Window, parse_monitored_window

if TYPE_CHECKING:
    from slipway.records.run_context import RunContext
    from slipway.records.run_records import RunRecord
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.kpis import Kpi
    from slipway.stages.ports.kpi_queries import FilledViews, KpiQueries, Parameters, Views
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
        types = view_types(spec, dataset)
        views = _joined([queries.used(one.sql, types) for one in asked], types)
        bounds: Parameters = {
            "start": window.start,
            "end": window.end,
            "version": monitored.version,
        }
        try:
            rows = WindowViews(spec, dataset, window, tables, log).rows(views)
            with queries.fill(views, rows) as filled:
                return {one.name: _measured(filled, one, bounds) for one in asked}
        except NotComputable as error:
            return {one.name: MeasuredKpi(problem=error.message) for one in asked}

    def work(_: Attempt) -> Verdict:
        found = measure(monitored.window, kpis)
        compared = [one for one in kpis if one.max_change is not None]
        if compared:
            preceding = monitored.window.preceding()
            # Before a model answered, a count of its predictions is no number to compare with.
            answered = _has_predictions(log, spec, preceding)
            before = measure(preceding, compared) if answered else {}
            for name, earlier in before.items():
                now = found[name]
                found[name] = MeasuredKpi(now.value, earlier.value, now.problem)
        return judge_kpis(kpis, found)

    inputs = monitored.inputs() | {
        "kpis": digest(encode([one.model_dump() for one in kpis]))[:12],
    }
    return perform(context, monitored.ref(spec.model, "kpis"), work, inputs=inputs)


def _has_predictions(log: PredictionLog, spec: ModelSpec, window: Window) -> bool:
    """Whether any version answered in a window, or its log cannot be read to tell."""
    try:
        return log.count(spec.model, window.start, window.end) > 0
    except NotComputable:
        return True


def _measured(filled: FilledViews, kpi: Kpi, bounds: Parameters) -> MeasuredKpi:
    try:
        return MeasuredKpi(filled.evaluate(kpi.sql, bounds))
    except NotComputable as error:
        return MeasuredKpi(problem=error.message)


def _joined(used: Sequence[Views], types: Views) -> Views:
    """Columns that any query may read, in the order of the views."""
    return {
        view: {
            name: kind for name, kind in columns.items() if any(name in one[view] for one in used)
        }
        for view, columns in types.items()
    }
