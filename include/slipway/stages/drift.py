"""Drift: what a champion was asked in one window, against the reference it was learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import NotFound
from slipway.records.runs import Attempt, Number, RunRecord, Verdict, perform
from slipway.stages.comparison import Columns, Comparison, DriftReport, compare, tidy
from slipway.stages.manifest import REFERENCE
from slipway.stages.windows import WatchedWindow, parse_watched

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.model import Monitoring
    from slipway.stages.promotion import Registry

MAX_ROWS = 20_000
"""Rows of a sample; distances settle long before, and the report stays drawable."""

UNCALIBRATED_DISTANCE = 0.1
"""Where the report draws the line when there are too few blocks: Evidently's own default."""

SHOWN_COLUMNS = 5


class PredictionRows(Protocol):
    """Answered requests, as the log keeps them."""

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of [start, end) by event time, each answered row once."""


def judge_drift(comparison: Comparison, monitoring: Monitoring) -> Verdict:
    """Whether a window has drifted; pure.

    Findings decide first. Then the loudest column does, if the reference has blocks enough.
    """
    numbers = _numbers(comparison)
    if comparison.findings:
        told = "; ".join(str(finding) for finding in comparison.findings[:SHOWN_COLUMNS])
        return Verdict("drifting", f"{told}.", numbers)
    calibration = comparison.calibration
    if calibration is None:
        needed = monitoring.drift.min_blocks
        reason = (
            f"Only observed: the reference has {comparison.blocks} blocks of at least "
            f"{monitoring.min_rows} rows, and a threshold needs {needed}."
        )
        return Verdict("inconclusive", reason, numbers)
    loud = calibration.loud(comparison.distances)
    name = next(iter(loud), "no column")
    loudest = loud.get(name, 0.0)
    seen = f"{name} is {loudest:.1f} times its usual distance from the reference"
    limit = f"{calibration.loudness:.1f} times is the limit over {calibration.blocks} blocks"
    if loudest > calibration.loudness:
        others = sum(value > calibration.loudness for value in loud.values()) - 1
        more = f", and {others} more columns are over it" if others else ""
        return Verdict("drifting", f"{seen}; {limit}{more}.", numbers)
    return Verdict("ok", f"The loudest column is ordinary: {seen}; {limit}.", numbers)


def measure_drift(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    store: Store,
    registry: Registry,
    log: PredictionRows,
    reports: DriftReport,
    origin: Mapping[str, Any],
) -> RunRecord:
    """The record of one window's inputs and predictions against its champion's reference.

    A window is measured once: rows that are logged later do not change its verdict.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        store: Where records and reports live.
        registry: Where the version and its reference live.
        log: What the version was asked.
        reports: Evidently.
        origin: Who runs this.

    Raises:
        BadParameter: There is no such window.
        NotFound: The version has no reference.
        NotComputable: A distance could not be computed.
    """
    watched = parse_watched(window, spec.monitoring.window)

    def work(attempt: Attempt) -> Verdict:
        rows = log.read(
            spec.model, watched.window.start, watched.window.end, version=watched.version
        )
        needed = spec.monitoring.min_rows
        if len(rows) < needed:
            reason = f"{len(rows)} predictions are too few to tell; a window needs {needed}."
            return Verdict("inconclusive", reason, {"rows": len(rows), "min_rows": needed})
        reference = read_reference(registry, spec.model, watched.version, dataset)
        return _measure(
            attempt,
            spec,
            dataset,
            watched=watched,
            reference=reference,
            rows=rows,
            reports=reports,
        )

    return perform(
        store,
        watched.ref(spec.model, "drift"),
        work,
        inputs={
            "window": watched.window.name,
            "start": watched.window.start.isoformat(),
            "end": watched.window.end.isoformat(),
            "version": watched.version,
        },
        origin=origin,
    )


def read_reference(
    registry: Registry, model: str, version: int, dataset: DatasetSpec
) -> pd.DataFrame:
    """The rows a version was learnt from, reduced, ordered by event time.

    Raises:
        NotFound: The version has none.
        Tampered: Its files are not those that were registered.
    """
    import pandas as pd

    with TemporaryDirectory() as scratch:
        folder = registry.download(model, version, Path(scratch))
        path = folder / REFERENCE
        reference = pd.read_parquet(path) if path.exists() else None
    if reference is None or reference.empty:
        raise NotFound(f"{model} version {version} has no reference", where=REFERENCE)
    return reference.sort_values(dataset.event_time, kind="stable").reset_index(drop=True)


def compared_columns(reference: pd.DataFrame, spec: ModelSpec, dataset: DatasetSpec) -> Columns:
    """The reference's columns but key and event time: features that this version has, and score.

    The reference tells them, not the spec, which may have changed since the version was trained.
    """
    identity = {dataset.key, dataset.event_time}
    names = [name for name in reference.columns if name not in identity]
    numeric = [name for name in names if reference[name].dtype.kind in "biuf"]
    return Columns(
        numeric=tuple(numeric),
        categorical=tuple(name for name in names if name not in numeric),
        numeric_method=spec.monitoring.drift.numeric_method,
        categorical_method=spec.monitoring.drift.categorical_method,
    )


def _measure(
    attempt: Attempt,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    watched: WatchedWindow,
    reference: pd.DataFrame,
    rows: pd.DataFrame,
    reports: DriftReport,
) -> Verdict:
    columns = compared_columns(reference, spec, dataset)
    length = watched.window.end - watched.window.start
    span = reference[dataset.event_time].iloc[-1] - reference[dataset.event_time].iloc[0]
    kept = reference.iloc[:: -(-len(reference) // MAX_ROWS)]
    known = tidy(kept, columns).reset_index(drop=True)
    sample = rows.sample(min(len(rows), MAX_ROWS), random_state=spec.training.seed)
    current = tidy(sample, columns).reset_index(drop=True)
    comparison, compared = compare(
        current, known, columns=columns, span_windows=span / length, spec=spec, reports=reports
    )
    verdict = judge_drift(replace(comparison, rows=len(rows)), spec.monitoring)
    page = reports.html(known, compared, columns=columns, thresholds=_drawn(comparison))
    key = f"reports/{spec.model}/{watched.id}.html"
    attempt.check()
    attempt.store.write(key, page)
    return replace(verdict, evidence={"report": key})


def _drawn(comparison: Comparison) -> dict[str, float]:
    calibrated = comparison.calibration.thresholds() if comparison.calibration else {}
    return {name: calibrated.get(name, UNCALIBRATED_DISTANCE) for name in comparison.distances}


def _numbers(comparison: Comparison) -> dict[str, Number]:
    numbers: dict[str, Number] = {
        "rows": comparison.rows,
        "reference_rows": comparison.reference_rows,
        "blocks": comparison.blocks,
    }
    for finding in comparison.findings[:SHOWN_COLUMNS]:
        numbers[f"{finding.problem}.{finding.column}"] = round(finding.share, 4)
        numbers[f"{finding.problem}_limit.{finding.column}"] = round(finding.limit, 4)
    calibration = comparison.calibration
    if calibration is None:
        shown = sorted(comparison.distances, key=lambda name: -comparison.distances[name])
    else:
        loud = calibration.loud(comparison.distances)
        shown = list(loud)
        numbers |= {
            "compared_rows": calibration.rows,
            "loudest": round(next(iter(loud.values()), 0.0), 3),
            "loudest_limit": round(calibration.loudness, 3),
            "alarm_rate": round(calibration.alarm_rate, 4),
        }
    limits = calibration.thresholds() if calibration else {}
    for name in shown[:SHOWN_COLUMNS]:
        numbers[f"distance.{name}"] = round(comparison.distances[name], 4)
        if name in limits:
            numbers[f"distance_limit.{name}"] = round(limits[name], 4)
    return numbers
