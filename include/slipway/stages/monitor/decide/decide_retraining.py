"""Decide whether a champion's windows request retraining: k of the last n, and the newest.

Windows that show no decay one by one may show it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.errors import RegistryUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.model.ledger_anchors import anchor_if_unbroken
from slipway.stages.monitor.collect import event_clock
from slipway.stages.monitor.decide.judge_windows import (
    NOTHING,
    WindowVerdict,
    add_windows_up,
    judge_windows,
)
from slipway.stages.monitor.decide.standing_request import file_standing, withdraw_standing
from slipway.stages.monitor.labels.label_revisions import STAGE, newest_verdict
from slipway.stages.monitor.performance.decay_sequence import most_windows
from slipway.stages.monitor.reference.watched_version import Watched, find_watched
from slipway.stages.monitor.windows.due_windows import monitored_windows
from slipway.stages.monitor.windows.windows import MonitoredWindow

if TYPE_CHECKING:
    from datetime import datetime

    from slipway.records.run_context import RunContext
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.monitoring import Monitoring
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables
    from slipway.stages.rollout.platform import ServedReader


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

    At last it anchors the heads of the ledgers of model and dataset, unless one was edited.

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
        # Between promotions nothing else anchors what ingest and monitor have entered.
        with suppress(RegistryUnavailable):
            anchor_if_unbroken(store, registry, spec.model, dataset=spec.dataset)
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
    logged = log.days(spec.model)
    monitored = list(monitored_windows(spec, watched.version, clock, logged=logged, store=store))
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
    monitoring = spec.monitoring
    criteria = [monitoring.fire.model_dump(), monitoring.performance.model_dump()]
    facts = [inputs, *criteria, *([told] if told else [])]
    run = f"decide-{newest}-{digest(encode(facts))[:8]}"

    def work(attempt: Attempt) -> Verdict:
        together = add_windows_up(performance, monitoring)
        verdict = judge_windows(drift, performance, monitoring.fire, together=together)
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
    """The newest verdicts that count, oldest window first; of a revised one the newest revision.

    The newest windows do not count while their labels are missing: where labels come later than a
    window is measured, no decay would ever be the newest verdict.
    """
    found: list[WindowVerdict] = []
    most = spec.monitoring.fire.n
    if stage == STAGE:
        most = max(most, most_windows(spec.monitoring.window))
    for one in reversed(monitored):
        if len(found) == most:
            break
        record = (
            newest_verdict(store, spec.model, one)
            if stage == STAGE
            else find_record(store, one.ref(spec.model, stage))
        )
        if record is None:
            continue
        verdict = record.verdict
        if stage == STAGE and not found and _waits_for_labels(verdict, spec.monitoring):
            continue
        found.append(
            WindowVerdict(one.id, verdict.action, verdict.reason, record.ref.key, verdict.numbers)
        )
    return found[::-1]


def _waits_for_labels(verdict: Verdict, monitoring: Monitoring) -> bool:
    """Whether a window is undecided for want of labels, and not for want of predictions."""
    counts = (verdict.numbers.get(name) for name in ("labelled", "predicted"))
    labelled, predicted = (one if isinstance(one, int) else 0 for one in counts)
    return verdict.action == "inconclusive" and labelled < monitoring.min_rows <= predicted
