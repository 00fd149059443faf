"""Watching a serving champion: which windows of its predictions are due to be measured.

Level-triggered: whatever is due and has no record yet is due now, however often this is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypedDict

from slipway.errors import NotComputable, PlatformUnavailable
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.version_tags import TRAINING_END
from slipway.stages.monitor.drift import PredictionRows
from slipway.stages.monitor.performance import LabelTables, join_labels, read_labels
from slipway.stages.monitor.windows import MonitoredWindow, closed_windows, midnight, window_at

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import ModelVersion, Registry
    from slipway.stages.rollout.platform import Served


class DueWindows(TypedDict):
    """What there is to measure; small JSON.

    Attributes:
        champion: The version that is champion by alias; None before there is one.
        drift: Ids of closed windows whose inputs have not been measured, oldest first.
        performance: Ids of matured windows whose labels have not been looked at, oldest first.
        difference: How what is served differs from the alias; None when it does not.
    """

    champion: int | None
    drift: list[str]
    performance: list[str]
    difference: str | None


class PredictionDays(PredictionRows, Protocol):
    """The prediction log, with its days."""

    def days(self, model: str) -> list[date]:
        """Days of event time that hold predictions, oldest first."""

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """How many rows `read` would return."""


class ClockTables(LabelTables, Protocol):
    """Tables of a dataset that also tell its event clock."""

    def newest(self, table: str, column: str, *, version: int | None = None) -> datetime | None:
        """Largest value of a column, from file statistics; None when there is none."""


class ServedReader(Protocol):
    """What is really served."""

    def served(self, model: str) -> Served | None:
        """Read back from the live front door; None when nothing is.

        Raises:
            PlatformUnavailable: It does not answer.
        """


def event_clock(tables: ClockTables, dataset: DatasetSpec) -> datetime | None:
    """The newest event time among the published features; None before there is one."""
    return tables.newest(f"{dataset.dataset}/features", dataset.event_time)


def collect(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: ClockTables,
    registry: Registry,
    log: PredictionDays,
    platform: ServedReader | None = None,
) -> DueWindows:
    """The windows of the current champion's predictions that are due to be measured.

    Drift is due once a window has ended and predictions enough are there, performance once its
    label horizon has passed and labels enough are there; or, should they never come, one more
    window later. A window whose log cannot be read is due, for its verdict to say so.
    A champion that returns after a roll-back is watched on where it was left.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Where records live.
        tables: The event clock and the labels.
        registry: Who is champion.
        log: What was predicted.
        platform: What is served, to compare with the alias; none: not compared.
    """
    champion = registry.alias(spec.model, CHAMPION)
    difference = difference_to_served(spec.model, champion, platform) if platform else None
    due = DueWindows(champion=None, drift=[], performance=[], difference=difference)
    clock = event_clock(tables, dataset)
    if champion is None:
        return due
    due["champion"] = champion.version
    if clock is None:
        return due
    labels = _Labels(spec, dataset, tables)
    for watched in monitored_windows(spec, champion, clock, log):
        undone = [
            stage
            for stage in ("drift", "performance")
            if not store.exists(watched.ref(spec.model, stage).key)
        ]
        if not undone or not _asked(spec, watched, clock, log):
            continue
        if "drift" in undone:
            due["drift"].append(watched.id)
        if "performance" in undone and _matured(spec, watched, clock, log=log, labels=labels):
            due["performance"].append(watched.id)
    return due


def monitored_windows(
    spec: ModelSpec, champion: ModelVersion, clock: datetime, log: PredictionDays
) -> Iterator[MonitoredWindow]:
    """Closed windows that hold predictions, oldest first, from where the champion's training ended.

    What it was asked about rows that it was trained on says nothing about how it does.
    """
    unit = spec.monitoring.window
    since = champion.tags.get(TRAINING_END)
    first = window_at(datetime.fromisoformat(since), unit).start if since else None
    days = [midnight(day) for day in log.days(spec.model)]
    ends = {day + timedelta(days=1) for day in days}
    if not days:
        return
    for window in closed_windows(max(days[0], first or days[0]), clock, unit):
        logged = any(window.start < end and end - timedelta(days=1) < window.end for end in ends)
        if logged:
            yield MonitoredWindow(window, champion.version)


def difference_to_served(
    model: str, champion: ModelVersion | None, platform: ServedReader
) -> str | None:
    """How what is served differs from the champion by alias; None when it does not."""
    expected = champion.version if champion else None
    try:
        served = platform.served(model)
    except PlatformUnavailable as error:
        return f"what is served is not known: {error.message}"
    if served is not None and served.edited is not None:
        return f"what is served was edited by hand, and deploy leaves it so: {served.edited}"
    found = served.version if served else None
    if found == expected:
        return None
    if served is not None and expected in served.weights and len(served.weights) > 1:
        shares = [f"version {one} ({part:.0%})" for one, part in served.weights.items()]
        return f"{' and '.join(shares)} share its requests; a rollout moves them, or was cut off"
    return f"version {found} is served and version {expected} is champion; deploy repairs it"


class _Labels:
    """Labels of a dataset, read only if a window needs them."""

    def __init__(self, spec: ModelSpec, dataset: DatasetSpec, tables: LabelTables) -> None:
        self._spec, self._dataset, self._tables = spec, dataset, tables
        self._read: pd.Series | None = None

    def of(self, rows: pd.DataFrame) -> int:
        """How many of the rows' keys have a label."""
        if self._read is None:
            version = self._tables.version(f"{self._dataset.dataset}/labels")
            self._read = read_labels(
                self._tables, self._dataset, self._spec.target, version=version
            )
        return len(join_labels(rows, self._read)[1])


def _asked(spec: ModelSpec, watched: MonitoredWindow, clock: datetime, log: PredictionDays) -> bool:
    """Whether the predictions of a window are in: enough of them, or as many as will come."""
    window = watched.window
    try:
        count = log.count(spec.model, window.start, window.end, version=watched.version)
    except NotComputable:
        return True
    complete = count >= spec.monitoring.min_rows or clock >= window.following().end
    return count > 0 and complete


def _matured(
    spec: ModelSpec,
    watched: MonitoredWindow,
    clock: datetime,
    *,
    log: PredictionRows,
    labels: _Labels,
) -> bool:
    monitoring, window = spec.monitoring, watched.window
    horizon = timedelta(days=monitoring.label_horizon_days)
    if clock < window.end + horizon:
        return False
    if clock >= window.following().end + horizon:
        return True
    try:
        rows = log.read(
            spec.model,
            window.start,
            window.end,
            version=watched.version,
            columns=("key", "received_at", "score"),
        )
    except NotComputable:
        return True
    return labels.of(rows) >= min(monitoring.min_rows, len(rows))
