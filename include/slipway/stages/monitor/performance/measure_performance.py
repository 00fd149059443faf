"""Measure the realised performance of one window: its predictions against their labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.drift.measure_drift import not_comparable
from slipway.stages.monitor.estimate.estimate_verdict import read_estimate, with_estimate_error
from slipway.stages.monitor.labels.label_join import JoinedLabels, join_window
from slipway.stages.monitor.labels.label_revisions import STAGE, revised, revised_record
from slipway.stages.monitor.labels.label_stream import LabelStream
from slipway.stages.monitor.labels.window_keys import WindowPredictions
from slipway.stages.monitor.performance.compared_model import ComparedModels, PerformanceTools
from slipway.stages.monitor.performance.judge_performance import judge_performance
from slipway.stages.monitor.performance.label_drift import measure_label_drift, with_label_drift
from slipway.stages.monitor.performance.realised import Realising, logged_columns
from slipway.stages.monitor.reference.version_facts import read_version_facts
from slipway.stages.monitor.reference.watched_version import watched_version
from slipway.stages.monitor.windows.windows import parse_monitored_window

if TYPE_CHECKING:
    from slipway.records.run_context import RunContext
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables


def measure_performance(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    registry: Registry,
    tables: Tables,
    log: PredictionLog,
    tools: PerformanceTools,
) -> RunRecord:
    """Measure one window's realised performance, and compare it on the same rows.

    A verdict stays as it is; labels that arrive later are judged by a revision beside it.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`, or a revision of it, `2013-05-v3-r1`.
        context: Store of the records, and origin.
        registry: Version, with its metrics and holdout rows.
        tables: Labels.
        log: Predictions.
        tools: Adapters that measure, and make models to compare with.

    Raises:
        BadParameter: There is no such window.
        NotFound: The registry lost the version.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)
    labels_version = tables.version(labels_table(dataset))

    earlier = revised_record(context.store, spec, monitored)

    def work(_: Attempt) -> Verdict:
        try:
            predictions = WindowPredictions(log, spec.model, monitored, dataset.identity.key.type)
            rows, joined = join_window(
                predictions,
                LabelStream(tables, dataset, spec.target, labels_version),
                columns=logged_columns(spec),
                seed=spec.training.seed,
            )
        except NotComputable as error:
            return not_comparable(error, {})
        facts = read_version_facts(registry, spec.model, monitored.version, store=context.store)
        tags = watched_version(spec.model, monitored.version, registry=registry).tags
        models = ComparedModels(spec, dataset, registry, tables, tools)
        measuring = Realising(spec, monitored, facts, tags, tools.gates, models)
        try:
            realised = measuring.realised(rows, joined)
        except NotComputable as error:
            counts = {"predicted": joined.predicted, "labelled": joined.labelled}
            return not_comparable(error, counts)
        verdict = tell_judged(judge_performance(realised, spec.monitoring), joined)
        if verdict.action != "inconclusive" and facts.held_out is not None:
            truth = measuring.truth(joined.rows)
            drift = measure_label_drift(truth, facts.held_out, window=monitored.window, spec=spec)
            verdict = with_label_drift(verdict, drift)
        verdict = with_estimate_error(
            verdict,
            read_estimate(context.store, spec, monitored),
            metric=spec.monitoring.performance.metric,
        )
        verdict = replace(verdict, reason=f"{verdict.reason}{facts.note}")
        return verdict if earlier is None else revised(verdict, earlier)

    return perform(
        context,
        monitored.ref(spec.model, STAGE),
        work,
        inputs=monitored.inputs() | {"labels_version": labels_version},
    )


def tell_judged(verdict: Verdict, joined: JoinedLabels) -> Verdict:
    """Return a verdict with the size of the sample that was judged, if it was not all rows."""
    judged = len(joined.rows)
    if judged == joined.labelled:
        return verdict
    told = f" A sample of {judged:,} of its {joined.labelled:,} labelled predictions was judged."
    numbers = {**verdict.numbers, "sampled_rows": judged}
    return replace(verdict, reason=f"{verdict.reason}{told}", numbers=numbers)
