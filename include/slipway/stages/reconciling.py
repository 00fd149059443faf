"""Whether what is served is what should be served, and if not, which rollout mends it.

Level-triggered: however often it is asked, and whatever was lost in between, the same facts give
the same answer. A rollout holds the model's lease from here to its end; its token fences it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.errors import BadParameter, SlipwayError, Superseded
from slipway.records.leases import Lease, acquire, find_lease, release, renew
from slipway.records.runs import (
    Attempt,
    RunRecord,
    RunRef,
    Verdict,
    find_record,
    need_record,
    perform,
)
from slipway.records.store import Store, digest, encode
from slipway.spec import ModelSpec
from slipway.stages.deciding import Action, Decision, Facts, decide
from slipway.stages.platform import Platform, Served

TAG = "slipway.rollout"
REFUSED, ABORTED, ROLLED_BACK = "refused", "aborted", "rolled_back"
BLOCKED = frozenset({REFUSED, ABORTED, ROLLED_BACK})
LEASE_SECONDS = 300.0


class Version(Protocol):
    """A registered model version."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def tags(self) -> Mapping[str, str]:
        """What the registry says about it."""


class Aliases(Protocol):
    """The part of the registry that says who is who."""

    def alias(self, model: str, alias: str) -> Version | None:
        """The version that an alias names, or None."""

    def version(self, model: str, version: int) -> Version:
        """One version.

        Raises:
            NotFound: There is no such version.
        """


@dataclass(frozen=True)
class Rollout:
    """One rollout in flight, as `reconcile` recorded it.

    Attributes:
        model: Its name.
        token: Fencing token of its lease.
        action: What it does.
        version: The version that shall serve.
        champion: The champion when it began.
        previous: The previous champion when it began.
    """

    model: str
    token: int
    action: Action
    version: int
    champion: int | None
    previous: int | None

    @property
    def fallback(self) -> int | None:
        """The version that goes on serving should this rollout fail."""
        return self.champion if self.champion != self.version else None

    @property
    def warm(self) -> list[int]:
        """The versions that stay ready beside the one that serves."""
        kept = self.previous if self.fallback is None else self.fallback
        return [] if kept is None or kept == self.version else [kept]


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

    Args:
        spec: The model.
        store: Where records and leases live.
        registry: Who is who.
        platform: What is served.
        holder: Names this rollout's lease; a repeat by the same holder is the same rollout.
        to: `challenger`, `previous`, or a version's number.
        origin: Who runs it.

    Raises:
        LeaseHeld: Another rollout of this model is in flight.
        BadParameter: `to` cannot be rolled out.
        NotFound: The registry has no such version.
    """
    facts = gather(spec.model, store=store, registry=registry, platform=platform)
    if to.isdecimal():
        registry.version(spec.model, int(to))
    decision = decide(facts, to)
    if decision.action == "nothing":
        idle = RunRef(spec.model, f"idle-{digest(encode(facts.to_json()))[:12]}", "reconcile")
        verdict = _verdict(decision, facts)
        return perform(store, idle, lambda _: verdict, inputs=facts.to_json(), origin=origin)
    lease = acquire(store, _lease_name(spec.model), holder=holder, seconds=LEASE_SECONDS)

    def work(attempt: Attempt) -> Verdict:
        now = gather(spec.model, store=store, registry=registry, platform=platform)
        decided = decide(now, to)
        if decided.action == "repair" and decided.version is not None:
            attempt.check()
            warm = [] if now.previous is None else [now.previous]
            platform.apply(
                spec.model, weights={decided.version: 1.0}, keep=warm, token=lease.number
            )
        return _verdict(decided, now)

    ref = RunRef(spec.model, run_name(lease.number), "reconcile")
    try:
        record = perform(store, ref, work, inputs={"to": to, **facts.to_json()}, origin=origin)
    except Superseded:
        # A newer attempt of this very rollout holds the same lease, and goes on with it.
        raise
    except SlipwayError:
        release(store, lease)
        raise
    if record.verdict.action == "nothing":
        release(store, lease)
    return record


def gather(model: str, *, store: Store, registry: Aliases, platform: Platform) -> Facts:
    """What is, by alias and on the platform.

    Raises:
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer.
    """
    named = {
        alias: registry.alias(model, alias) for alias in ("champion", "previous", "challenger")
    }
    blocked = {
        found.version: found.tags[TAG]
        for found in named.values()
        if found is not None and found.tags.get(TAG) in BLOCKED
    }
    served = platform.served(model)
    return Facts(
        **{alias: found.version if found else None for alias, found in named.items()},
        blocked=blocked,
        served=served.version if served else None,
        unfinished=_unfinished(store, model, served),
    )


def rollout_of(store: Store, model: str, run: str) -> Rollout:
    """The rollout that a run's `reconcile` decided on.

    Raises:
        NotFound: There is no such record.
        BadParameter: It decided that there is nothing to do.
    """
    record = need_record(store, RunRef(model, run, "reconcile"))
    numbers, action = record.verdict.numbers, record.verdict.action
    if numbers.get("version") is None:
        raise BadParameter(f"{run} of {model} has nothing to roll out", where=record.ref.key)
    return Rollout(
        model=model,
        token=int(run.removeprefix("rollout-")),
        action=action,  # type: ignore[arg-type]
        version=int(numbers["version"]),  # type: ignore[arg-type]
        champion=numbers.get("champion"),  # type: ignore[arg-type]
        previous=numbers.get("previous"),  # type: ignore[arg-type]
    )


def run_name(token: int) -> str:
    """Run id of the rollout that holds a lease."""
    return f"rollout-{token:06d}"


def hold(store: Store, rollout: Rollout) -> Lease:
    """The rollout's lease, renewed; call it when a stage begins and before it changes traffic.

    Raises:
        Superseded: Another rollout has taken over, or this one was given up.
    """
    lease = find_lease(store, _lease_name(rollout.model))
    if lease is None or lease.number != rollout.token:
        raise Superseded(
            f"{run_name(rollout.token)} of {rollout.model} may not go on",
            expected="its lease to be the newest",
            found=f"lease {lease.number} of {lease.holder}" if lease else "no lease",
        )
    return renew(store, lease, seconds=LEASE_SECONDS)


def let_go(store: Store, rollout: Rollout) -> None:
    """Give the rollout's lease back, if it still has it."""
    with suppress(Superseded):
        release(store, hold(store, rollout))


def _unfinished(store: Store, model: str, served: Served | None) -> tuple[Action, int] | None:
    if served is None:
        return None
    begun = RunRef(model, run_name(served.token), "reconcile")
    record = find_record(store, begun)
    if record is None or find_record(store, begun.beside("promote_champion")):
        return None
    switched = find_record(store, begun.beside("switch"))
    if switched is not None and switched.verdict.action != "switched":
        return None
    rollout = rollout_of(store, model, begun.run)
    return rollout.action, rollout.version


def _verdict(decision: Decision, facts: Facts) -> Verdict:
    numbers = {
        "version": decision.version,
        "champion": facts.champion,
        "previous": facts.previous,
        "challenger": facts.challenger,
        "served": facts.served,
    }
    return Verdict(decision.action, decision.reason, numbers)


def _lease_name(model: str) -> str:
    return f"rollout-{model}"
