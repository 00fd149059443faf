"""Drift: what a champion was asked in one window, against the reference it was learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import NotComputable, NotFound
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.manifest import REFERENCE, open_sealed
from slipway.stages.monitor.distances import Columns, Comparison, DriftReport, compare, tidy
from slipway.stages.monitor.windows import MonitoredWindow, parse_monitored_window

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.model import Monitoring
    from slipway.stages.ports.registry import Registry

MAX_ROWS = 20_000
"""Rows of a sample; distances settle long before, and the report stays drawable."""

UNCALIBRATED_DISTANCE = 0.1
"""Where the report draws the line when there are too few blocks: Evidently's own default."""

SHOWN_COLUMNS = 5
SCORE = "score"


@dataclass(frozen=True)
class Reference:
    """What a version was learnt from and judged on, reduced.

    Attributes:
        rows: Raw features, event time and score, ordered by event time.
        columns: Which of them are compared: its own features, whatever the spec says by now,
            and its score.
        unwatched: Its features that hold personal data: the log has no values of them to compare.
    """

    rows: pd.DataFrame
    columns: Columns
    unwatched: tuple[str, ...] = ()


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

    Findings are drift whatever the distances are. Without any the loudest column decides, if the
    reference has blocks enough to say what is loud.
    """
    numbers = _numbers(comparison)
    told = [str(finding) for finding in comparison.findings[:SHOWN_COLUMNS]]
    calibration = comparison.calibration
    loud = calibration.loud(comparison.distances) if calibration else {}
    limit = calibration.loudness if calibration else float("inf")
    told += [_loudness(name, loud) for name in list(loud)[:SHOWN_COLUMNS] if loud[name] > limit]
    blocks = f"{limit:.1f} times is the limit over {comparison.blocks} blocks"
    if told:
        rule = f"; {blocks}" if any(value > limit for value in loud.values()) else ""
        return Verdict("drifting", f"{'; '.join(told)}{rule}.", numbers)
    if calibration is None:
        needed = monitoring.drift.min_blocks
        reason = (
            f"Only observed: the reference has {comparison.blocks} blocks of at least "
            f"{monitoring.min_rows} rows, and a threshold needs {needed}."
        )
        return Verdict("inconclusive", reason, numbers)
    loudest = _loudness(next(iter(loud)), loud) if loud else "no column has a distance"
    return Verdict("ok", f"The loudest column is ordinary: {loudest}; {blocks}.", numbers)


def _loudness(name: str, loud: Mapping[str, float]) -> str:
    return f"{name} is {loud[name]:.1f} times its usual distance from the reference"


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
    """
    watched = parse_monitored_window(window, spec.monitoring.window)

    def work(attempt: Attempt) -> Verdict:
        try:
            rows = log.read(
                spec.model, watched.window.start, watched.window.end, version=watched.version
            )
        except NotComputable as error:
            return not_comparable(error, {})
        needed = spec.monitoring.min_rows
        if len(rows) < needed:
            reason = f"{len(rows)} predictions are too few to tell; a window needs {needed}."
            return Verdict("inconclusive", reason, {"rows": len(rows), "min_rows": needed})
        reference = read_reference(registry, spec, dataset, version=watched.version)
        try:
            return _measure(
                attempt,
                spec,
                dataset,
                watched=watched,
                reference=reference,
                rows=rows,
                reports=reports,
            )
        except NotComputable as error:
            return not_comparable(error, {"rows": len(rows)})

    return perform(
        store,
        watched.ref(spec.model, "drift"),
        work,
        inputs=watched.inputs(),
        origin=origin,
    )


def not_comparable(error: NotComputable, numbers: Mapping[str, Number]) -> Verdict:
    """`inconclusive`: a window that failed for ever would hold up the decision on later ones."""
    about = f" ({error.where})" if error.where else ""
    reason = f"Nothing can be compared: {error.message}{about}."
    return Verdict("inconclusive", reason, numbers)


def read_reference(
    registry: Registry, spec: ModelSpec, dataset: DatasetSpec, *, version: int
) -> Reference:
    """The reference that travels with a model version.

    Raises:
        NotFound: The version has none.
        Tampered: Its files are not those that were registered.
    """
    import pandas as pd

    with TemporaryDirectory() as scratch:
        folder = registry.download(spec.model, version, Path(scratch))
        manifest = open_sealed(folder)
        path = folder / REFERENCE
        rows = pd.read_parquet(path) if path.exists() else None
    if rows is None or rows.empty:
        raise NotFound(f"{spec.model} version {version} has no reference", where=REFERENCE)
    personal = {*manifest.get("pii", {}), *_personal(dataset)}
    by_kind = {
        kind: tuple(
            one["name"]
            for one in manifest["features"]
            if one["kind"] == kind and one["name"] not in personal
        )
        for kind in ("number", "string")
    }
    columns = Columns(
        numeric=(*by_kind["number"], SCORE),
        categorical=by_kind["string"],
        numeric_method=spec.monitoring.drift.numeric_method,
        categorical_method=spec.monitoring.drift.categorical_method,
    )
    in_order = rows.sort_values(dataset.event_time, kind="stable").reset_index(drop=True)
    unwatched = [one["name"] for one in manifest["features"] if one["name"] in personal]
    return Reference(in_order, columns, tuple(unwatched))


def _personal(dataset: DatasetSpec) -> list[str]:
    """Columns that are personal data by now, also where the version does not know it yet."""
    columns = dataset.streams.features.columns
    return [name for name, column in columns.items() if column.pii is not None]


def _measure(
    attempt: Attempt,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    watched: MonitoredWindow,
    reference: Reference,
    rows: pd.DataFrame,
    reports: DriftReport,
) -> Verdict:
    columns, times = reference.columns, reference.rows[dataset.event_time]
    kept = reference.rows.iloc[:: -(-len(times) // MAX_ROWS)]
    known = tidy(kept, columns).reset_index(drop=True)
    sample = rows.sample(min(len(rows), MAX_ROWS), random_state=spec.training.seed)
    comparison, compared = compare(
        tidy(sample, columns).reset_index(drop=True),
        known,
        columns=columns,
        span_windows=(times.iloc[-1] - times.iloc[0]) / (watched.window.end - watched.window.start),
        spec=spec,
        reports=reports,
    )
    verdict = judge_drift(replace(comparison, rows=len(rows)), spec.monitoring)
    if reference.unwatched:
        told = f"{verdict.reason} Not watched: personal data ({', '.join(reference.unwatched)})."
        verdict = replace(verdict, reason=told)
    try:
        page = reports.html(known, compared, columns=columns, thresholds=_drawn(comparison))
    except NotComputable as error:
        return replace(verdict, reason=f"{verdict.reason} Without a page: {error.message}.")
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
