"""Reconcile what is served with what should be: begin the rollout that removes the difference.

Level-triggered: the same observed state gives the same decision, however often it runs and
whichever events were lost. A rollout holds the model's lease from here to its end; the lease's
number is its fencing token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from slipway.errors import SlipwayError, Superseded
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.leases import Lease, acquire, release
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.lease import LEASE_SECONDS, lease_name, preemptible_lease
from slipway.stages.rollout.manual_edits import require_unedited, respect_edits
from slipway.stages.rollout.observed_state import Action, ObservedState, RolloutDecision
from slipway.stages.rollout.plan import read_plan, rollout_run
from slipway.stages.rollout.platform import Platform, Served
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLED_BACK, ROLLOUT_TAG


def reconcile(
    spec: ModelSpec,
    *,
    context: RunContext,
    registry: Registry,
    platform: Platform,
    holder: str,
    to: str = "challenger",
) -> RunRecord:
    """Begin the rollout that is needed and take its lease; `nothing` is recorded once per state.

    A champion that is not served, or that shares the traffic with the canary of an unfinished
    rollout, is restored at once; verify, switch and promote confirm it.

    From here on the traffic carries this rollout's token, so an older rollout that still waits
    for a server is fenced off.

    A roll-back (`previous`) does not wait for a rollout that has not switched yet: it takes over
    its lease. If that rollout shares the traffic, its version loses its share and is marked as
    rolled back.

    Args:
        spec: The model.
        context: Store of records and leases, and origin.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        holder: Holder of the lease; a repeat with the same holder is the same rollout.
        to: `challenger`, `previous`, or a version's number.

    Raises:
        LeaseHeld: Another rollout of this model is in progress and cannot be taken over.
        BadParameter: `to` cannot be rolled out.
        EditedByHand: A field that rollouts own was edited by hand; nothing is overwritten.
        NotFound: The registry has no such version.
    """
    store, model = context.store, spec.model
    state = observe(model, store=store, registry=registry, platform=platform)
    if to.isdecimal():
        registry.version(model, int(to))
    decision = respect_edits(model, state, decide_rollout(state, to))
    if decision.action == "nothing":
        idle = RunRef(model, f"idle-{digest(encode(state.to_json()))[:12]}", "reconcile")
        verdict = _verdict(decision, state)
        return perform(context, idle, lambda _: verdict, inputs=state.to_json())
    lease = acquire(
        store,
        lease_name(model),
        holder=holder,
        seconds=LEASE_SECONDS,
        over=preemptible_lease(store, model) if to == "previous" else None,
    )

    def work(attempt: Attempt) -> Verdict:
        now = observe(model, store=store, registry=registry, platform=platform)
        decided = respect_edits(model, now, _decide_again(state, now, to))
        if decided.action == "repair":
            attempt.check()
            _repair(model, now, platform=platform, token=lease.number)
            _mark_rolled_back(model, now.canaries if to == "previous" else (), registry=registry)
        return _verdict(decided, now)

    ref = RunRef(model, rollout_run(lease.number), "reconcile")
    inputs = {"to": to, **state.to_json()}
    with _released_on_failure(store, lease):
        record = perform(context, ref, work, inputs=inputs)
        if record.verdict.action in {"roll_out", "roll_back"}:
            # After the record, so that the rollout of the token on the traffic can be looked up.
            platform.claim(model, token=lease.number)
    if record.verdict.action == "nothing":
        release(store, lease)
    return record


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


def observe(model: str, *, store: Store, registry: Registry, platform: Platform) -> ObservedState:
    """Observe a model's aliases and traffic.

    Raises:
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer.
        EditedByHand: The routing was edited by hand.
    """
    named = {
        alias: registry.alias(model, alias) for alias in ("champion", "previous", "challenger")
    }
    blocked = {
        found.version: found.tags[ROLLOUT_TAG]
        for found in named.values()
        if found is not None and found.tags.get(ROLLOUT_TAG) in BLOCKED
    }
    served = platform.served(model)
    if served is not None and served.has_edited_traffic:
        require_unedited(model, served)
    return ObservedState(
        **{alias: found.version if found else None for alias, found in named.items()},
        blocked=blocked,
        served=served.version if served else None,
        unfinished=_unfinished(store, model, served),
        sharing=tuple(sorted(served.weights)) if served and len(served.weights) > 1 else (),
        edited=served.edited if served else None,
    )


def _decide_again(first: ObservedState, now: ObservedState, to: str) -> RolloutDecision:
    """The decision under the lease, on the state that the earlier rollout left behind."""
    if to == "previous" and first.canaries and not now.canaries:
        gone = f"what shared the traffic with version {now.champion} was taken back meanwhile."
        return RolloutDecision("nothing", None, gone)
    return decide_rollout(now, to)


def _mark_rolled_back(model: str, versions: Iterable[int], *, registry: Registry) -> None:
    for version in versions:
        registry.tag(model, version, {ROLLOUT_TAG: ROLLED_BACK})


def _repair(model: str, state: ObservedState, *, platform: Platform, token: int) -> None:
    """Route every request to the champion."""
    weights = {} if state.champion is None else {state.champion: 1.0}
    warm = [] if state.previous is None else [state.previous]
    platform.apply(model, weights=weights, keep=warm, token=token, is_urgent=True)


def _unfinished(store: Store, model: str, served: Served | None) -> tuple[Action, int] | None:
    if served is None:
        return None
    begun = RunRef(model, rollout_run(served.token), "reconcile")
    record = find_record(store, begun)
    if record is None or find_record(store, begun.beside("promote_champion")):
        return None
    switched = find_record(store, begun.beside("switch"))
    if switched is not None and switched.verdict.action != "switched":
        return None
    plan = read_plan(store, model, begun.run)
    return plan.action, plan.version


def _verdict(decision: RolloutDecision, state: ObservedState) -> Verdict:
    numbers = {
        "version": decision.version,
        "champion": state.champion,
        "previous": state.previous,
        "challenger": state.challenger,
        "served": state.served,
    }
    return Verdict(decision.action, decision.reason, numbers)
