"""Measure the drift of one window of predictions against its champion's reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Number, Verdict
from slipway.spec.logged_columns import OUTLIER_SCORE
from slipway.stages.model.class_scores import SCORE, SCORES
from slipway.stages.monitor.drift.distances import DriftReport, calibrate_reference, compare
from slipway.stages.monitor.drift.drift_page import (
    MOST_DRAWN,
    drift_sections,
    drift_title,
    furthest_columns,
)
from slipway.stages.monitor.drift.importance import lenience_of
from slipway.stages.monitor.drift.importance_stability import NO_TOOLS, ImportanceTools
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.drift.outlier_share import with_outlier_share
from slipway.stages.monitor.estimate.estimate_verdict import estimate_window, with_estimate
from slipway.stages.monitor.quality.check import ObservedWindow
from slipway.stages.monitor.quality.judge import judge_quality, with_quality
from slipway.stages.monitor.reference.columns import logged_answers, tidy
from slipway.stages.monitor.reference.reference import Reference, read_reference
from slipway.stages.monitor.reference.reference_sample import MAX_ROWS
from slipway.stages.monitor.reference.watched_version import watched_version
from slipway.stages.monitor.windows.earlier_windows import earlier_numbers
from slipway.stages.monitor.windows.windows import MonitoredWindow, Window, parse_monitored_window
from slipway.stages.report.html_page import as_html, as_part

if TYPE_CHECKING:
    from slipway.records.run_context import RunContext
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.monitoring import Monitoring
    from slipway.stages.ports.losses import FitLosses
    from slipway.stages.ports.metrics import Measure
    from slipway.stages.ports.prediction_log import PredictionLog, SampledRows
    from slipway.stages.ports.registry import Registry


def measure_drift(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    registry: Registry,
    log: PredictionLog,
    reports: DriftReport,
    measure: Measure | None = None,
    fit_losses: FitLosses | None = None,
    importance: ImportanceTools = NO_TOOLS,
) -> RunRecord:
    """Measure one window's features and scores against its champion's reference.

    A window is measured once: rows that are logged later do not change its verdict.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        context: Store of records and reports, and origin.
        registry: Folder of the version, with its reference.
        log: Predictions.
        reports: Computes distances and the HTML report.
        measure: Computes metrics, by which performance is estimated before labels; None: it is not.
        fit_losses: Learns the errors of a regression for that; None: they are not estimated.
        importance: Explains predictions, where the spec asks for it.

    Raises:
        BadParameter: There is no such window.
        NotFound: The registry lost the version, or it has no reference.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)

    def work(attempt: Attempt) -> Verdict:
        return tell_joined(judged(attempt), monitored.window)

    def judged(attempt: Attempt) -> Verdict:
        version = watched_version(spec.model, monitored.version, registry=registry)
        reference = read_reference(
            registry,
            spec,
            dataset,
            version=monitored.version,
            window=monitored.window.end - monitored.window.start,
            store=context.store,
        )
        beside = _columns_beside(spec, reference)
        try:
            logged = log.sample(
                spec.model,
                monitored.window.start,
                monitored.window.end,
                version=monitored.version,
                rows=MAX_ROWS,
                seed=spec.training.seed,
                columns=[*reference.named.names, SCORE, SCORES, *beside],
            )
        except NotComputable as error:
            return not_comparable(error, {})
        sample = logged.without(set(beside) - {*reference.named.names})
        if not sample.count:
            return too_few(0, spec.monitoring)
        earlier = earlier_numbers(context.store, spec.model, monitored)
        try:
            observed = observe(sample, monitored.window, reference, earlier=earlier)
            if sample.count < spec.monitoring.min_rows:
                quality = judge_quality(observed, reference.known, is_few=True)
                return with_quality(too_few(sample.count, spec.monitoring), quality)
            verdict = _measure(
                attempt,
                spec,
                monitored=monitored,
                reference=reference,
                observed=observed,
                lenience=lenience_of(context.store, version, reference.logged),
                reports=reports,
            )
            if measure is not None:
                estimate = estimate_window(
                    spec, sample.rows, reference, measure=measure, fit_losses=fit_losses
                )
                verdict = with_estimate(verdict, estimate, spec)
            verdict = with_outlier_share(verdict, logged.rows)
            return importance.judge(
                verdict,
                logged.rows,
                spec=spec,
                monitored=monitored,
                registry=registry,
                store=context.store,
            )
        except NotComputable as error:
            return not_comparable(error, {"rows": sample.count})

    return perform(
        context,
        monitored.ref(spec.model, "drift"),
        work,
        inputs=monitored.inputs(),
    )


def _columns_beside(spec: ModelSpec, reference: Reference) -> list[str]:
    """Columns of the log that are read beside those that are compared."""
    explained = spec.monitoring.importance is not None
    return [OUTLIER_SCORE, *(reference.logged.values() if explained else ())]


def observe(
    sample: SampledRows,
    window: Window,
    reference: Reference,
    *,
    earlier: Sequence[Mapping[str, Number]],
) -> ObservedWindow:
    """Return a sample of a window's rows with comparable values.

    Args:
        sample: Of its predictions, at least one.
        window: The window.
        reference: Reference of the version.
        earlier: Numbers of the version's earlier windows, newest first.

    Raises:
        NotComputable: The predictions have no scores of classes.
    """
    return ObservedWindow(
        window.start,
        window.end,
        window.units,
        sample=sample,
        rows=tidy(logged_answers(sample.rows, reference.named), reference.named),
        earlier=earlier,
    )


def too_few(rows: int, monitoring: Monitoring) -> Verdict:
    """Return the verdict on the drift of a window with too few predictions."""
    needed = monitoring.min_rows
    reason = f"{rows} predictions are too few to tell; a window needs {needed}."
    return Verdict("inconclusive", reason, {"rows": rows, "min_rows": needed})


def not_comparable(error: NotComputable, numbers: Mapping[str, Number]) -> Verdict:
    """Verdict `inconclusive`; a failing window would block the decision on later ones."""
    facts = [fact for fact in (error.where, error.found) if fact]
    about = f" ({': '.join(facts)})" if facts else ""
    reason = f"Nothing can be compared: {error.message}{about}."
    return Verdict("inconclusive", reason, numbers)


def tell_joined(verdict: Verdict, window: Window) -> Verdict:
    """Return a verdict with the windows that it is of, if these were joined."""
    if not window.is_joined:
        return verdict
    named = window.name.replace("--", " to ")
    told = f"The windows {named} are judged together: alone they have too few predictions."
    return replace(verdict, reason=f"{verdict.reason} {told}")


def tell_sampled(verdict: Verdict, sample: SampledRows) -> Verdict:
    """Return a verdict with the size of the sample that was compared, if it was not all rows."""
    if sample.is_whole:
        return verdict
    compared = len(sample.rows)
    told = f" A sample of {compared:,} of its {sample.count:,} predictions was compared."
    numbers = {**verdict.numbers, "sampled_rows": compared}
    return replace(verdict, reason=f"{verdict.reason}{told}", numbers=numbers)


def _measure(
    attempt: Attempt,
    spec: ModelSpec,
    *,
    monitored: MonitoredWindow,
    reference: Reference,
    observed: ObservedWindow,
    lenience: Mapping[str, float],
    reports: DriftReport,
) -> Verdict:
    window, columns, seed = monitored.window, reference.columns, spec.training.seed
    sample = reference.sample
    known = calibrate_reference(
        sample.rows,
        sample.times,
        columns=columns,
        window=window.end - window.start,
        window_rows=len(observed.rows),
        spec=spec,
        middle=window.start + (window.end - window.start) / 2,
        counted=sample.counts,
    )
    comparison = replace(
        compare(observed.rows, known, seed=seed), rows=observed.sample.count, lenience=lenience
    )
    quality = replace(
        judge_quality(observed, reference.known), has_odd_values=bool(comparison.findings)
    )
    verdict = with_quality(judge_drift(comparison, spec.monitoring), quality)
    verdict = tell_sampled(verdict, observed.sample)
    told = f"{reference.tell_left_out()}{reference.note}"
    verdict = replace(verdict, reason=f"{verdict.reason}{told}")
    title = drift_title(spec.model, monitored, verdict)
    sections = drift_sections(verdict, comparison, columns, quality=quality.findings)
    try:
        page = reports.html(
            sample.rows,
            observed.rows,
            columns=columns,
            names=furthest_columns(comparison)[:MOST_DRAWN],
            lead=as_part(title, sections),
        )
    except NotComputable as error:
        page = as_html(title, sections).encode()
        verdict = replace(verdict, reason=f"{verdict.reason} Without plots: {error.message}.")
    key = f"reports/{spec.model}/{monitored.id}.html"
    attempt.check()
    attempt.store.write(key, page)
    return replace(verdict, evidence={"report": key})
