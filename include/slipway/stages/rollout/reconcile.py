"""Whether what is served is what should be served, and if not, which rollout mends it.

Level-triggered: however often it is asked, and whatever was lost in between, the same facts give
the same answer. A rollout holds the model's lease from here to its end; its token fences it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from slipway.errors import EditedByHand, SlipwayError, Superseded
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.leases import Lease, acquire, release
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.rollout.canary_analysis import ABORTED, INCONCLUSIVE
from slipway.stages.rollout.lease import (
    LEASE_SECONDS,
    lease_name,
    preemptible_lease,
    read_plan,
    rollout_run,
)
from slipway.stages.rollout.plan import Action, ObservedState, RolloutDecision, plan_rollout
from slipway.stages.rollout.platform import Platform, Served

ROLLOUT_TAG = "slipway.rollout"
REFUSED, ROLLED_BACK = "refused", "rolled_back"
BLOCKED = frozenset({REFUSED, ABORTED, INCONCLUSIVE, ROLLED_BACK})


class Version(Protocol):
    """A registered model version."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def tags(self) -> Mapping[str, str]:
        """What the registry says about it."""


class Aliases(Protocol):
    """The part of the registry that says who is who, and what became of it."""

    def alias(self, model: str, alias: str) -> Version | None:
        """The version that an alias names, or None."""

    def version(self, model: str, version: int) -> Version:
        """One version.

        Raises:
            NotFound: There is no such version.
        """

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Note something about a version."""


def reconcile(
    spec: ModelSpec,
    *,
    store: Store,
    registry: Aliases,
    platform: Platform,
    holder: str,
    to: str = "challenger",
    origin: Mapping[str, Any],
) -> RunRecord:
    """The rollout to do, its lease taken; or `nothing`, recorded once per state of affairs.

    A champion that is not served is put back at once; verify, switch and promote confirm it.
    So is one that shares the traffic with what an unfinished rollout left behind.

    The traffic bears this rollout's token from here on, so an older one that still waits for a
    server somewhere gives up.

    The way back (`previous`) does not wait for a rollout in flight that has not switched yet: it
    takes over its lease, so whatever that one does next is refused. Where that one shares the
    traffic already, its version gets none from now on and is marked as rolled back.

    Args:
        spec: The model.
        store: Where records and leases live.
        registry: Who is who.
        platform: What is served.
        holder: Names this rollout's lease; a repeat by the same holder is the same rollout.
        to: `challenger`, `previous`, or a version's number.
        origin: Who runs it.

    Raises:
        LeaseHeld: Another rollout of this model is in flight, and may not be taken over.
        BadParameter: `to` cannot be rolled out.
        EditedByHand: Somebody changed what a rollout controls; nothing is overwritten.
        NotFound: The registry has no such version.
    """
    facts = observe(spec.model, store=store, registry=registry, platform=platform)
    if to.isdecimal():
        registry.version(spec.model, int(to))
    decision = _mind_edits(spec.model, facts, plan_rollout(facts, to))
    if decision.action == "nothing":
        idle = RunRef(spec.model, f"idle-{digest(encode(facts.to_json()))[:12]}", "reconcile")
        verdict = _verdict(decision, facts)
        return perform(store, idle, lambda _: verdict, inputs=facts.to_json(), origin=origin)
    lease = acquire(
        store,
        lease_name(spec.model),
        holder=holder,
        seconds=LEASE_SECONDS,
        over=preemptible_lease(store, spec.model) if to == "previous" else None,
    )

    def work(attempt: Attempt) -> Verdict:
        now = observe(spec.model, store=store, registry=registry, platform=platform)
        decided = _mind_edits(spec.model, now, _decide_again(facts, now, to))
        if decided.action == "repair":
            attempt.check()
            _repair(spec.model, now, platform=platform, token=lease.number)
            _mark(spec.model, now.guests if to == "previous" else (), registry=registry)
        return _verdict(decided, now)

    ref = RunRef(spec.model, rollout_run(lease.number), "reconcile")
    with _given_back_on_failure(store, lease):
        record = perform(store, ref, work, inputs={"to": to, **facts.to_json()}, origin=origin)
        if record.verdict.action in {"roll_out", "roll_back"}:
            # After the record: whoever finds this token on the traffic can look up whose it is.
            platform.claim(spec.model, token=lease.number)
    if record.verdict.action == "nothing":
        release(store, lease)
    return record


@contextmanager
def _given_back_on_failure(store: Store, lease: Lease) -> Iterator[None]:
    try:
        yield
    except Superseded:
        # A newer attempt of this very rollout holds the same lease, and goes on with it.
        raise
    except SlipwayError:
        release(store, lease)
        raise


def observe(model: str, *, store: Store, registry: Aliases, platform: Platform) -> ObservedState:
    """What is, by alias and on the platform.

    Raises:
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer.
        EditedByHand: Somebody changed who is asked.
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


def require_unedited(model: str, served: Served | None) -> None:
    """Nothing where nobody but a rollout changed what is served.

    Raises:
        EditedByHand: Somebody did.
    """
    if served is not None and served.edited is not None:
        raise _edited(model, served.edited)


def _mind_edits(model: str, facts: ObservedState, decision: RolloutDecision) -> RolloutDecision:
    """The decision, unless it needs what somebody edited: a way back does not, and says so."""
    if facts.edited is None:
        return decision
    if decision.action not in {"roll_back", "repair"}:
        raise _edited(model, facts.edited)
    reason = f"{decision.reason.removesuffix('.')}. Edited by hand, and left so: {facts.edited}."
    return replace(decision, reason=reason)


def _edited(model: str, what: str) -> EditedByHand:
    return EditedByHand(
        f"what serves {model} was edited by hand",
        expected="it as a rollout asked for it",
        found=what,
        hint="set it back as it was, or hand it back as docs/guides/rollout-on-kubernetes.md "
        "tells, then run again; nothing is overwritten",
    )


def _decide_again(first: ObservedState, now: ObservedState, to: str) -> RolloutDecision:
    """The decision once the lease is held; what the rollout before it did since counts."""
    if to == "previous" and first.guests and not now.guests:
        gone = f"what shared the traffic with version {now.champion} was taken back meanwhile."
        return RolloutDecision("nothing", None, gone)
    return plan_rollout(now, to)


def _mark(model: str, rolled_back: Iterable[int], *, registry: Aliases) -> None:
    for version in rolled_back:
        registry.tag(model, version, {ROLLOUT_TAG: ROLLED_BACK})


def _repair(model: str, facts: ObservedState, *, platform: Platform, token: int) -> None:
    """Let the champion answer every request."""
    weights = {} if facts.champion is None else {facts.champion: 1.0}
    warm = [] if facts.previous is None else [facts.previous]
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
    rollout = read_plan(store, model, begun.run)
    return rollout.action, rollout.version


def _verdict(decision: RolloutDecision, facts: ObservedState) -> Verdict:
    numbers = {
        "version": decision.version,
        "champion": facts.champion,
        "previous": facts.previous,
        "challenger": facts.challenger,
        "served": facts.served,
    }
    return Verdict(decision.action, decision.reason, numbers)
