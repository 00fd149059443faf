"""Measure the drift of one window of predictions against its champion's reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.errors import NotComputable, NotFound
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Number, Verdict
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import SCORE
from slipway.stages.model.manifest import REFERENCE, REFERENCE_SCORE, open_sealed
from slipway.stages.monitor.columns import (
    Columns,
    logged_answers,
    monitored_columns,
    tidy,
    with_answers,
)
from slipway.stages.monitor.distances import Comparison, DriftReport, compare
from slipway.stages.monitor.judge_drift import judge_drift
from slipway.stages.monitor.watched_version import watched_version
from slipway.stages.monitor.windows import MonitoredWindow, parse_monitored_window

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.run_context import RunContext
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry

MAX_ROWS = 20_000
"""Largest sample; distances converge long before, and the report stays small."""

UNCALIBRATED_DISTANCE = 0.1
"""Threshold that the report shows without a calibration: Evidently's own default."""


@dataclass(frozen=True)
class Reference:
    """Sample of the rows that a version was trained and evaluated on.

    Attributes:
        rows: Raw features and `score`, ordered by event time.
        times: Their event times.
        columns: Columns to compare: the features in the version's manifest, which may differ from
            the present spec, and its score.
        unmonitored: Its features with personal data, whose values the log does not hold.
    """

    rows: pd.DataFrame
    times: pd.Series
    columns: Columns
    unmonitored: tuple[str, ...] = ()


def measure_drift(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    registry: Registry,
    log: PredictionLog,
    reports: DriftReport,
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

    Raises:
        BadParameter: There is no such window.
        NotFound: The registry lost the version, or it has no reference.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)

    def work(attempt: Attempt) -> Verdict:
        try:
            rows = log.read(
                spec.model, monitored.window.start, monitored.window.end, version=monitored.version
            )
        except NotComputable as error:
            return not_comparable(error, {})
        needed = spec.monitoring.min_rows
        if len(rows) < needed:
            reason = f"{len(rows)} predictions are too few to tell; a window needs {needed}."
            return Verdict("inconclusive", reason, {"rows": len(rows), "min_rows": needed})
        reference = read_reference(registry, spec, dataset, version=monitored.version)
        try:
            return _measure(
                attempt,
                spec,
                monitored=monitored,
                reference=reference,
                rows=rows,
                reports=reports,
            )
        except NotComputable as error:
            return not_comparable(error, {"rows": len(rows)})

    return perform(
        context,
        monitored.ref(spec.model, "drift"),
        work,
        inputs=monitored.inputs(),
    )


def not_comparable(error: NotComputable, numbers: Mapping[str, Number]) -> Verdict:
    """Verdict `inconclusive`; a failing window would block the decision on later ones."""
    facts = [fact for fact in (error.where, error.found) if fact]
    about = f" ({': '.join(facts)})" if facts else ""
    reason = f"Nothing can be compared: {error.message}{about}."
    return Verdict("inconclusive", reason, numbers)


def read_reference(
    registry: Registry, spec: ModelSpec, dataset: DatasetSpec, *, version: int
) -> Reference:
    """Read the reference in a model version's folder.

    Raises:
        NotFound: The registry lost the version, or it has none.
        Tampered: A file differs from its digest.
    """
    import pandas as pd

    watched_version(spec.model, version, registry=registry)
    with scratch_folder("slipway-reference-", needs="the version's folder") as scratch:
        folder = registry.download(spec.model, version, scratch)
        manifest = open_sealed(folder)
        path = folder / REFERENCE
        rows = pd.read_parquet(path) if path.exists() else None
    if rows is None or rows.empty:
        raise NotFound(f"{spec.model} version {version} has no reference", where=REFERENCE)
    columns, unmonitored = monitored_columns(manifest, spec, dataset)
    time = manifest.get("event_time", dataset.identity.time.column)
    in_order = rows.sort_values(time, kind="stable").reset_index(drop=True)
    if columns.classes is None:
        # Versions of before call the column like the log's.
        named = [REFERENCE_SCORE if REFERENCE_SCORE in in_order else SCORE]
    else:
        named = [f"{REFERENCE_SCORE}_{code}" for code in range(len(columns.classes))]
    scores = in_order[named].to_numpy()
    logged = {own: name for own, name in logged_names(manifest).items() if own in in_order}
    features = in_order[[own for own, name in logged.items() if name in columns.names]]
    features = features.rename(columns=logged)
    answered = with_answers(features, scores[:, 0] if columns.classes is None else scores, columns)
    return Reference(answered, in_order[time], columns, unmonitored)


def _measure(
    attempt: Attempt,
    spec: ModelSpec,
    *,
    monitored: MonitoredWindow,
    reference: Reference,
    rows: pd.DataFrame,
    reports: DriftReport,
) -> Verdict:
    columns, times = reference.columns, reference.times
    kept = reference.rows.iloc[:: -(-len(times) // MAX_ROWS)]
    known = tidy(kept, columns).reset_index(drop=True)
    sample = rows.sample(min(len(rows), MAX_ROWS), random_state=spec.training.seed)
    window = monitored.window
    comparison, compared = compare(
        tidy(logged_answers(sample, columns), columns).reset_index(drop=True),
        known,
        columns=columns,
        span_windows=(times.iloc[-1] - times.iloc[0]) / (window.end - window.start),
        spec=spec,
        reports=reports,
    )
    verdict = judge_drift(replace(comparison, rows=len(rows)), spec.monitoring)
    if reference.unmonitored:
        reason = (
            f"{verdict.reason} Not watched: personal data ({', '.join(reference.unmonitored)})."
        )
        verdict = replace(verdict, reason=reason)
    try:
        page = reports.html(known, compared, columns=columns, thresholds=_thresholds(comparison))
    except NotComputable as error:
        return replace(verdict, reason=f"{verdict.reason} Without a page: {error.message}.")
    key = f"reports/{spec.model}/{monitored.id}.html"
    attempt.check()
    attempt.store.write(key, page)
    return replace(verdict, evidence={"report": key})


def _thresholds(comparison: Comparison) -> dict[str, float]:
    calibrated = comparison.calibration.thresholds() if comparison.calibration else {}
    return {name: calibrated.get(name, UNCALIBRATED_DISTANCE) for name in comparison.distances}
