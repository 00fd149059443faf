"""Watching a serving champion: which windows are due, and when they become a request to retrain.

Level-triggered: whatever is due and has no record yet is due now, however often this is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from slipway.errors import PlatformUnavailable
from slipway.records.requests import file_request
from slipway.records.runs import Attempt, RunRef, Verdict, find_record, perform
from slipway.records.store import digest, encode
from slipway.stages.drift import PredictionRows
from slipway.stages.performance import LabelTables, join_labels, read_labels
from slipway.stages.windows import WatchedWindow, closed_windows, midnight, window_at

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.model import Fire
    from slipway.stages.promotion import ModelVersion, Registry
    from slipway.stages.rollout import Served

CHAMPION = "champion"


class Due(TypedDict):
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


@dataclass(frozen=True)
class Measured:
    """One window's verdict on one activity.

    Attributes:
        window: Id of the window.
        action: `ok`, `drifting`, `decayed` or `inconclusive`.
        reason: Its reason.
        record: Store key of the record.
    """

    window: str
    action: str
    reason: str
    record: str


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


class LiveView(Protocol):
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
    platform: LiveView | None = None,
) -> Due:
    """The windows of the current champion's predictions that are due to be measured.

    Drift is due once a window has ended. Performance is due once its label horizon has passed
    and labels enough are there, or, should they never come, one more window later.
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
    difference = _difference(spec.model, champion, platform) if platform else None
    due = Due(champion=None, drift=[], performance=[], difference=difference)
    clock = event_clock(tables, dataset)
    if champion is None:
        return due
    due["champion"] = champion.version
    if clock is None:
        return due
    labels = _Labels(spec, dataset, tables)
    for watched in _watched(spec, champion, clock, log):
        undone = [
            stage
            for stage in ("drift", "performance")
            if not store.exists(watched.ref(spec.model, stage).key)
        ]
        if not undone or not _asked(spec.model, watched, log):
            continue
        if "drift" in undone:
            due["drift"].append(watched.id)
        if "performance" in undone and _matured(spec, watched, clock, log=log, labels=labels):
            due["performance"].append(watched.id)
    return due


def fires(actions: Sequence[str], fire: Fire, *, on: str) -> bool:
    """Whether k of the last n windows, and the newest, have one verdict; pure.

    Args:
        actions: Verdicts, oldest window first; an inconclusive one takes a place and counts for
            nothing.
        fire: k and n.
        on: `drifting` or `decayed`.
    """
    newest = actions[-fire.n :]
    return bool(newest) and newest[-1] == on and newest.count(on) >= fire.k


def judge_windows(
    drift: Sequence[Measured], performance: Sequence[Measured], fire: Fire
) -> Verdict:
    """Whether a champion's newest windows ask for a new model; pure.

    Decay speaks before drift: it is harm seen, and drift only a reason to expect some.

    Args:
        drift: Drift verdicts, oldest window first.
        performance: Performance verdicts, oldest window first.
        fire: k and n.
    """
    decaying = fires([one.action for one in performance], fire, on="decayed")
    drifting = fires([one.action for one in drift], fire, on="drifting")
    told = [_told(performance, fire, on="decayed"), _told(drift, fire, on="drifting")]
    numbers: dict[str, int | str] = {
        "decayed": sum(one.action == "decayed" for one in performance[-fire.n :]),
        "drifting": sum(one.action == "drifting" for one in drift[-fire.n :]),
        "k": fire.k,
        "n": fire.n,
    }
    if not decaying and not drifting:
        rule = f"a request needs {fire.k} of the last {fire.n} windows and the newest"
        return Verdict("nothing", f"{'; '.join(told)}; {rule}.", numbers)
    spoken = [text for text, fired in zip(told, (decaying, drifting), strict=True) if fired]
    newest = performance[-1] if decaying else drift[-1]
    numbers |= {"kind": "decay" if decaying else "drift", "window": newest.window}
    reason = f"{'; '.join(spoken)}. The newest, {newest.window}: {newest.reason}"
    return Verdict("request", reason, numbers, {"record": newest.record})


def decide(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: ClockTables,
    registry: Registry,
    log: PredictionDays,
    origin: Mapping[str, Any],
) -> Verdict:
    """Whether the champion's windows ask for a new model, recorded; if so the request is filed.

    The same verdicts are one decision, and one request per newest window and kind,
    however often this runs.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Where records and requests live.
        tables: The event clock.
        registry: Who is champion.
        log: Which windows there are.
        origin: Who runs this.
    """
    champion = registry.alias(spec.model, CHAMPION)
    clock = event_clock(tables, dataset)
    if champion is None or clock is None:
        return Verdict("nothing", "There is no champion to watch yet.")
    watched = list(_watched(spec, champion, clock, log))
    drift = _measured(store, spec, watched, "drift")
    performance = _measured(store, spec, watched, "performance")
    if not drift and not performance:
        return Verdict("nothing", f"No window of version {champion.version} is measured yet.")
    inputs = {
        stage: {one.record: one.action for one in found}
        for stage, found in (("drift", drift), ("performance", performance))
    }
    newest = max(one.window for one in (*drift, *performance))
    run = f"decide-{newest}-{digest(encode([inputs, spec.monitoring.fire.model_dump()]))[:8]}"

    def work(attempt: Attempt) -> Verdict:
        verdict = judge_windows(drift, performance, spec.monitoring.fire)
        if verdict.action == "nothing":
            return verdict
        kind: Literal["decay", "drift"] = "decay" if verdict.numbers["kind"] == "decay" else "drift"
        attempt.check()
        request = file_request(
            store,
            spec.model,
            kind=kind,
            reason=verdict.reason,
            at=clock.isoformat(),
            by=run,
            unique=f"{kind}-{verdict.numbers['window']}",
            evidence=verdict.evidence,
        )
        numbers = {**verdict.numbers, "request": request.number}
        return Verdict("request", verdict.reason, numbers, verdict.evidence)

    ref = RunRef(spec.model, run, "decide")
    return perform(store, ref, work, inputs=inputs, origin=origin).verdict


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


def _difference(model: str, champion: ModelVersion | None, platform: LiveView) -> str | None:
    expected = champion.version if champion else None
    try:
        served = platform.served(model)
    except PlatformUnavailable as error:
        return f"what is served is not known: {error.message}"
    found = served.version if served else None
    if found == expected:
        return None
    return f"version {found} is served and version {expected} is champion; deploy repairs it"


def _watched(
    spec: ModelSpec, champion: ModelVersion, clock: datetime, log: PredictionDays
) -> Iterator[WatchedWindow]:
    """Closed windows that hold predictions and begin no earlier than what the champion learnt.

    What it was asked about rows that it was trained on says nothing about how it does.
    """
    unit = spec.monitoring.window
    since = champion.tags.get("slipway.training_end")
    first = window_at(datetime.fromisoformat(since), unit).start if since else None
    days = [midnight(day) for day in log.days(spec.model)]
    ends = {day + timedelta(days=1) for day in days}
    if not days:
        return
    for window in closed_windows(max(days[0], first or days[0]), clock, unit):
        logged = any(window.start < end and end - timedelta(days=1) < window.end for end in ends)
        if logged:
            yield WatchedWindow(window, champion.version)


def _asked(model: str, watched: WatchedWindow, log: PredictionDays) -> bool:
    window = watched.window
    return log.count(model, window.start, window.end, version=watched.version) > 0


def _matured(
    spec: ModelSpec,
    watched: WatchedWindow,
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
    rows = log.read(
        spec.model,
        window.start,
        window.end,
        version=watched.version,
        columns=("key", "received_at", "score"),
    )
    return labels.of(rows) >= min(monitoring.min_rows, len(rows))


def _measured(
    store: Store, spec: ModelSpec, watched: Sequence[WatchedWindow], stage: str
) -> list[Measured]:
    """The newest n verdicts, oldest window first."""
    found: list[Measured] = []
    for one in reversed(watched):
        if len(found) == spec.monitoring.fire.n:
            break
        record = find_record(store, one.ref(spec.model, stage))
        if record is not None:
            verdict = record.verdict
            found.append(Measured(one.id, verdict.action, verdict.reason, record.ref.key))
    return found[::-1]


def _told(measured: Sequence[Measured], fire: Fire, *, on: str) -> str:
    newest = measured[-fire.n :]
    count = sum(one.action == on for one in newest)
    return f"{count} of the last {len(newest)} windows {'is' if count == 1 else 'are'} {on}"
