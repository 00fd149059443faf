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
from slipway.records.verdicts import Number, Verdict
from slipway.records.verified_versions import was_verified
from slipway.spec import ModelSpec
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion, Registry, Versions
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.lease import LEASE_SECONDS, lease_name, preemptible_lease
from slipway.stages.rollout.manual_edits import require_unedited, respect_edits
from slipway.stages.rollout.observed_state import Action, ObservedState, RolloutDecision
from slipway.stages.rollout.plan import read_plan, rollout_run
from slipway.stages.rollout.platform import Platform, Served, ServedReader
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLED_BACK, ROLLOUT_TAG, SERVING


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
    state = observe(model, store=store, registry=registry, platform=platform, to=to)
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
        now = observe(model, store=store, registry=registry, platform=platform, to=to)
        decided = respect_edits(model, now, _decide_again(state, now, to))
        if decided.action == "repair":
            attempt.check()
            _repair(model, decided, now, platform=platform, token=lease.number)
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


def observe(
    model: str, *, store: Store, registry: Versions, platform: ServedReader, to: str = "challenger"
) -> ObservedState:
    """Observe a model's aliases and traffic.

    Args:
        model: Name of the model.
        store: Records of rollouts and verifications.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        to: What was asked for; of a version's number, the digest is observed too.

    Raises:
        NotFound: The registry has no version of the number that was asked for.
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer.
        EditedByHand: The routing was edited by hand.
    """
    named = {
        alias: registry.alias(model, alias) for alias in ("champion", "previous", "challenger")
    }
    requested = registry.version(model, int(to)) if to.isdecimal() else None
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
        registered={
            one.version: one.tags[DIGEST]
            for one in (*named.values(), requested)
            if one and DIGEST in one.tags
        },
        running=served.digests if served else {},
        unverified=tuple(
            sorted(
                one.version
                for alias, one in named.items()
                if one and alias != "challenger" and not _is_known(one, served, store=store)
            )
        ),
    )


def _is_known(version: ModelVersion, served: Served | None, *, store: Store) -> bool:
    """Whether a version runs, was verified, or served before verifications were remembered."""
    sha256 = version.tags.get(DIGEST)
    is_running = served is not None and version.version in {*served.healthy, *served.weights}
    if is_running or sha256 is None or version.tags.get(ROLLOUT_TAG) == SERVING:
        return True
    return was_verified(store, version.model, sha256)


def _decide_again(first: ObservedState, now: ObservedState, to: str) -> RolloutDecision:
    """The decision under the lease, on the state that the earlier rollout left behind."""
    if to == "previous" and first.canaries and not now.canaries:
        gone = f"what shared the traffic with version {now.champion} was taken back meanwhile."
        return RolloutDecision("nothing", None, gone)
    return decide_rollout(now, to)


def _mark_rolled_back(model: str, versions: Iterable[int], *, registry: Registry) -> None:
    for version in versions:
        registry.tag(model, version, {ROLLOUT_TAG: ROLLED_BACK})


def _repair(
    model: str, decision: RolloutDecision, state: ObservedState, *, platform: Platform, token: int
) -> None:
    """Route every request to the champion, with the bytes that run under its number.

    Also to one whose alias was deleted since an earlier repair that was cut off.
    """
    weights = {} if decision.version is None else {decision.version: 1.0}
    warm = [one for one in [state.previous] if one is not None and not state.is_new(one)]
    digests = {one: sha256 for one in (*weights, *warm) if (sha256 := state.digest(one))}
    platform.apply(model, weights=weights, keep=warm, token=token, digests=digests, is_urgent=True)


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
    version = decision.version
    numbers: dict[str, Number] = {
        "version": version,
        "champion": state.champion,
        "previous": None if state.is_new(state.previous) else state.previous,
        "challenger": state.challenger,
        "served": state.served,
    }
    # A repair routes to what runs already; any other rollout to what the registry has.
    first, second = state.running, state.registered
    meant = {**second, **first} if decision.action == "repair" else {**first, **second}
    digests = {
        "digest": None if version is None else meant.get(version),
        "champion_digest": None if state.champion is None else second.get(state.champion),
        "served_digest": None if state.served is None else first.get(state.served),
    }
    known = {name: sha256 for name, sha256 in digests.items() if sha256 is not None}
    return Verdict(decision.action, decision.reason, {**numbers, **known})
