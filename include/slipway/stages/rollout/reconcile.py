"""Reconcile what is served with what should be: begin the rollout that removes the difference.

Level-triggered: the same observed state gives the same decision, however often it runs and
whichever events were lost. A rollout holds the model's lease from here to its end; the lease's
number is its fencing token.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from slipway.errors import LeaseHeld, SlipwayError, Superseded
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.leases import Lease, find_lease, release
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict
from slipway.records.version_numbers import take_number
from slipway.spec import ModelSpec
from slipway.stages.model.aliases import CHALLENGER, PREVIOUS
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.complete_rollouts import complete_rollouts
from slipway.stages.rollout.decide_under_lease import decide_under_lease, find_rest
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.lease_wait import acquire_lease
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.plan import IDLE, rollout_run
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.reconcile_verdict import reconcile_verdict
from slipway.stages.rollout.repair import mark_rolled_back, repair_traffic
from slipway.stages.rollout.started_servers import observe_started
from slipway.stages.rollout.unserved_versions import remove_unserved
from slipway.stages.rollout.way_back import with_way_back
from slipway.stages.rollout.without_registry import later_without_registry, observe_or_remember


def reconcile(
    spec: ModelSpec,
    *,
    context: RunContext,
    registry: Registry,
    platform: Platform,
    holder: str,
    to: str = CHALLENGER,
    asked_at: datetime | None = None,
    ended: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> RunRecord:
    """Begin the rollout that is needed and take its lease; `nothing` is recorded once per state.

    First it completes what rollouts that were stopped had decided. A champion that is not served,
    or that shares the traffic with the canary of an unfinished rollout, is restored at once;
    verify, switch and promote confirm it. Of a platform that has just started it awaits for a
    while which servers can answer.

    From here on the traffic carries this rollout's token, so an older rollout that still waits
    for a server is fenced off.

    While another rollout is in progress, `challenger` is `nothing`, and others wait. A roll-back
    (`previous`) does not wait for a rollout that has not switched yet: it takes over its lease. If
    that rollout shares the traffic, its version loses its share and is marked as rolled back. A
    roll-back that has been fulfilled since it was asked for is `nothing`. It needs no MLflow: the
    ledger tells champion and previous champion while that does not answer.

    Args:
        spec: The model.
        context: Store of records and leases, and origin.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        holder: Holder of the lease; a repeat with the same holder is the same rollout.
        to: `challenger`, `previous`, or a version's number.
        asked_at: Time at which it was asked for; None: now.
        ended: Holder that is known to have ended, whose lease may be taken over.
        sleep: Waits for some seconds.

    Raises:
        LeaseHeld: Another rollout of this model did not end in time.
        BadParameter: `to` cannot be rolled out.
        EditedByHand: A field that rollouts own was edited by hand; nothing is overwritten.
        NotFound: The registry has no such version.
    """
    store, model = context.store, spec.model
    asked_at = asked_at or datetime.now(UTC)
    # What is decided on is observed again under the lease, and the log says then where from.
    state = observe_or_remember(
        model, store=store, registry=registry, platform=platform, to=to, level=logging.DEBUG
    )
    resting = None if to == PREVIOUS else find_rest(store, model, state, registry=registry, to=to)
    if resting is not None:
        return _idle(context, model, resting, state)
    try:
        lease = acquire_lease(
            store,
            model,
            holder=holder,
            to=to,
            ended=ended,
            asked_at=asked_at,
            by=str(context.origin.get("by", "")),
            sleep=sleep,
        )
    except LeaseHeld:
        if to != CHALLENGER:
            raise
        return _idle(context, model, _in_progress(store, model), state)

    completed: list[str] = []

    def work(_: Attempt) -> Verdict:
        with later_without_registry(to):
            completed.extend(
                complete_rollouts(
                    context, model, registry=registry, platform=platform, token=lease.number
                )
            )
        now = observe_started(
            model, store=store, registry=registry, platform=platform, to=to, sleep=sleep
        )
        decided = decide_under_lease(
            store,
            model,
            now,
            registry=registry,
            seen=state,
            to=to,
            asked_at=asked_at,
            before=lease.number,
        )
        decided = remove_unserved(model, now, decided, platform=platform, token=lease.number)
        verdict = reconcile_verdict(decided, now, to=to, completed=completed)
        return with_way_back(
            verdict, now, model=model, store=store, registry=registry, token=lease.number
        )

    act = partial(repair_traffic, model, platform=platform, token=lease.number)
    ref = RunRef(model, rollout_run(lease.number), "reconcile")
    inputs = {"to": to, "asked_at": asked_at.isoformat(), **state.to_json()}
    with _released_on_failure(store, lease):
        record = perform(context, ref, work, inputs=inputs, carry_out=act)
        with later_without_registry(to):
            mark_rolled_back(context, record, registry=registry)
        if record.verdict.action in {"roll_out", "roll_back"}:
            _take_number(store, model, record.verdict)
            # After the record, so that the rollout of the token on the traffic can be looked up.
            platform.claim(model, token=lease.number)
    if record.verdict.action == "nothing":
        release(store, lease)
    return record


def _in_progress(store: Store, model: str) -> RolloutDecision:
    lease = find_lease(store, lease_name(model))
    which = f"{rollout_run(lease.number)} of {lease.holder}" if lease else "Another rollout"
    return RolloutDecision("nothing", None, f"{which} is in progress.")


def _idle(
    context: RunContext, model: str, decision: RolloutDecision, state: ObservedState
) -> RunRecord:
    key = digest(encode({**state.to_json(), "reason": decision.reason}))[:12]
    verdict = reconcile_verdict(decision, state, to=CHALLENGER)
    ref = RunRef(model, f"{IDLE}{key}", "reconcile")
    return perform(context, ref, lambda _: verdict, inputs=state.to_json())


def _take_number(store: Store, model: str, verdict: Verdict) -> None:
    """Take the number of a version that serves soon, also of one that a person registered."""
    version, sha256 = verdict.numbers["version"], verdict.numbers.get("digest")
    if isinstance(version, int):
        take_number(store, model, version, sha256=None if sha256 is None else str(sha256))


@contextmanager
def _released_on_failure(store: Store, lease: Lease) -> Iterator[None]:
    try:
        yield
    except Superseded:
        # A newer attempt of this rollout holds the same lease and continues.
        raise
    except SlipwayError:
        release(store, lease)
        raise
