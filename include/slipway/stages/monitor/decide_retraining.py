"""Decide whether a champion's windows request retraining: k of the last n, and the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import digest, encode
from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.collect import event_clock
from slipway.stages.monitor.due_windows import monitored_windows
from slipway.stages.monitor.label_revisions import STAGE, newest_verdict
from slipway.stages.monitor.severity import severity_of
from slipway.stages.monitor.standing_request import (
    NOTHING,
    file_standing,
    withdraw_standing,
)
from slipway.stages.monitor.watched_version import Watched, find_watched
from slipway.stages.monitor.windows import MonitoredWindow

if TYPE_CHECKING:
    from datetime import datetime

    from slipway.records.run_context import RunContext
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.monitoring import Fire
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables
    from slipway.stages.rollout.platform import ServedReader


@dataclass(frozen=True)
class WindowVerdict:
    """Verdict on the drift or the performance of one window.

    Attributes:
        window: Id of the window.
        action: `ok`, `drifting`, `decayed` or `inconclusive`.
        reason: Reason of the verdict.
        record: Store key of the record.
        numbers: Numbers of the verdict.
    """

    window: str
    action: str
    reason: str
    record: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


def k_of_last_n(actions: Sequence[str], fire: Fire, *, on: str) -> bool:
    """Whether k of the last n windows, the newest among them, have a given verdict; pure.

    Args:
        actions: Verdicts, oldest window first; an inconclusive one takes a place without
            counting.
        fire: k and n.
        on: `drifting` or `decayed`.
    """
    newest = actions[-fire.n :]
    return bool(newest) and newest[-1] == on and newest.count(on) >= fire.k


def judge_windows(
    drift: Sequence[WindowVerdict], performance: Sequence[WindowVerdict], fire: Fire
) -> Verdict:
    """Decide whether a champion's newest windows request a new model; pure.

    Decay comes before drift: it is observed harm, and drift only a reason to expect some.

    Args:
        drift: Drift verdicts, oldest window first.
        performance: Performance verdicts, oldest window first.
        fire: k and n.
    """
    decaying = k_of_last_n([one.action for one in performance], fire, on="decayed")
    drifting = k_of_last_n([one.action for one in drift], fire, on="drifting")
    numbers: dict[str, Number] = {
        "decayed": sum(one.action == "decayed" for one in performance[-fire.n :]),
        "drifting": sum(one.action == "drifting" for one in drift[-fire.n :]),
        "k": fire.k,
        "n": fire.n,
    }
    if not decaying and not drifting:
        why = _why_not(performance, drift, fire)
        return Verdict("nothing", f"{NOTHING}{why}.", numbers)
    reasons = [
        _format_count(measured, fire, on=on)
        for measured, on, fired in (
            (performance, "decayed", decaying),
            (drift, "drifting", drifting),
        )
        if fired
    ]
    newest = performance[-1] if decaying else drift[-1]
    numbers |= {"kind": "decay" if decaying else "drift", "window": newest.window}
    severity = severity_of(newest.action, newest.numbers)
    numbers |= {"severity": severity.level}
    if severity.times is not None:
        numbers["times_the_limit"] = round(severity.times, 3)
    counted = "; ".join(reasons)
    reason = (
        f"{counted[0].upper()}{counted[1:]}. The newest, {newest.window} ({severity}): "
        f"{newest.reason}"
    )
    return Verdict("request", reason, numbers, {"record": newest.record})


def decide(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    context: RunContext,
    tables: Tables,
    registry: Registry,
    log: PredictionLog,
    platform: ServedReader | None = None,
) -> Verdict:
    """Decide on the windows of what serves, record it, and file a retrain request if one is due.

    That is the champion, unless a hand has moved the alias since; the verdict says so.

    The same verdicts give one decision, and one request per newest window and kind, however often
    this runs. A request that no training has begun on is withdrawn once the windows no longer call
    for it, and filed anew should they do again.

    Args:
        spec: The model.
        dataset: Its dataset.
        context: Store of records and requests, and origin.
        tables: Event clock.
        registry: Alias of the champion.
        log: Predictions, by window.
        platform: What is served; None: not compared.

    Raises:
        NotFound: The registry lost the champion.
    """
    store = context.store
    watched = find_watched(spec.model, store=store, registry=registry, platform=platform)
    clock = event_clock(tables, dataset)
    if watched is None or clock is None:
        verdict = Verdict("nothing", "There is no champion to watch yet.")
    else:
        verdict = _decide(spec, watched, clock, context=context, log=log)
    if verdict.action == "nothing":
        withdraw_standing(store, spec.model, reason=verdict.reason)
    return verdict


def _decide(
    spec: ModelSpec,
    watched: Watched,
    clock: datetime,
    *,
    context: RunContext,
    log: PredictionLog,
) -> Verdict:
    store = context.store
    told = "" if watched.other is None else f" Watched is what serves: {watched.other}."
    monitored = list(monitored_windows(spec, watched.version, clock, log, store=store))
    rules = spec.retraining
    drift = _measured(store, spec, monitored, "drift") if rules.on_drift else []
    performance = _measured(store, spec, monitored, "performance") if rules.on_decay else []
    if not rules.on_drift and not rules.on_decay:
        return Verdict("nothing", f"{NOTHING}retraining.on_drift and on_decay are false.{told}")
    if not drift and not performance:
        number = watched.version.version
        return Verdict("nothing", f"No window of version {number} is measured yet.{told}")
    inputs = {
        stage: {one.record: one.action for one in found}
        for stage, found in (("drift", drift), ("performance", performance))
    }
    newest = max(one.window for one in (*drift, *performance))
    facts = [inputs, spec.monitoring.fire.model_dump(), *([told] if told else [])]
    run = f"decide-{newest}-{digest(encode(facts))[:8]}"

    def work(attempt: Attempt) -> Verdict:
        verdict = judge_windows(drift, performance, spec.monitoring.fire)
        verdict = replace(verdict, reason=f"{verdict.reason}{told}")
        if verdict.action == "nothing":
            return verdict
        attempt.check()
        request = file_standing(store, spec.model, verdict, clock=clock, by=run)
        numbers = {**verdict.numbers, "request": request.number}
        return Verdict("request", verdict.reason, numbers, verdict.evidence)

    verdict = perform(context, RunRef(spec.model, run, "decide"), work, inputs=inputs).verdict
    if verdict.action == "request":
        # The record may be older than a withdrawal, when a verdict was revised to and fro.
        file_standing(store, spec.model, verdict, clock=clock, by=run)
    return verdict


def _measured(
    store: Store, spec: ModelSpec, monitored: Sequence[MonitoredWindow], stage: str
) -> list[WindowVerdict]:
    """The newest n verdicts, oldest window first; of a revised one the newest revision."""
    found: list[WindowVerdict] = []
    for one in reversed(monitored):
        if len(found) == spec.monitoring.fire.n:
            break
        record = (
            newest_verdict(store, spec.model, one)
            if stage == STAGE
            else find_record(store, one.ref(spec.model, stage))
        )
        if record is not None:
            verdict = record.verdict
            found.append(
                WindowVerdict(
                    one.id, verdict.action, verdict.reason, record.ref.key, verdict.numbers
                )
            )
    return found[::-1]


def _why_not(
    performance: Sequence[WindowVerdict], drift: Sequence[WindowVerdict], fire: Fire
) -> str:
    """Why no retraining is requested, so that it contradicts no verdict on a window."""
    reasons = [
        f"{_format_count(measured, fire, on=on)}, {_what_lacks(measured, fire, on=on)}"
        for measured, on in ((performance, "decayed"), (drift, "drifting"))
        if any(one.action == on for one in measured[-fire.n :])
    ]
    if reasons:
        return "; ".join(reasons)
    windows = min(fire.n, max(len(performance), len(drift)))
    if windows == 1:
        return "the newest window is neither decayed nor drifting"
    return f"none of the last {windows} windows is decayed or drifting"


def _what_lacks(measured: Sequence[WindowVerdict], fire: Fire, *, on: str) -> str:
    """What a request would need beside the windows that have a verdict."""
    newest = measured[-fire.n :]
    if sum(one.action == on for one in newest) >= fire.k:
        return f"but not the newest, {newest[-1].window}"
    return f"and {fire.k} of {fire.n} are needed, the newest among them"


def _format_count(measured: Sequence[WindowVerdict], fire: Fire, *, on: str) -> str:
    newest = measured[-fire.n :]
    count = sum(one.action == on for one in newest)
    if len(newest) == 1:
        return f"the newest window is {on}"
    return f"{count} of the last {len(newest)} windows {'is' if count == 1 else 'are'} {on}"
