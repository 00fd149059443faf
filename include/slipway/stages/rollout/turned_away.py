"""Find the version that a promotion turns away from: by the ledger and by what served."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.errors import NotFound
from slipway.records.store import Store
from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.ledger_versions import newest_promotions
from slipway.stages.rollout.plan import RolloutPlan, read_plan, rollout_run
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG


@dataclass(frozen=True)
class TurnedAway:
    """A version that was champion or served, with its digest, where that is known."""

    version: int
    digest: str | None


def find_turned_away(store: Store, plan: RolloutPlan) -> TurnedAway | None:
    """Return what a promotion turns away from, or None: the same version was champion.

    A hand may have moved or deleted the alias `champion`, so what served and the ledger count
    first. A rollback turns away from what served; anything else from the champion of the ledger,
    if it served, before the alias.

    Args:
        store: Store of the ledger.
        plan: The rollout; what it recorded itself does not count.
    """
    entered = _champion_before(store, plan)
    served = None if plan.served is None else TurnedAway(plan.served, plan.served_digest)
    standing = None if plan.standing is None else TurnedAway(plan.standing, plan.champion_digest)
    if plan.action == "roll_back":
        order = [served, standing, entered]
    else:
        is_served = entered is not None and entered.version == plan.served
        # A repair goes away from what served only if the ledger has that as champion.
        last = None if plan.action == "repair" else served
        order = [entered if is_served else None, standing, entered, last]
    return next((one for one in order if one is not None and one.version != plan.version), None)


def turned_away_numbers(plan: RolloutPlan, away: TurnedAway | None) -> dict[str, Number]:
    """Return it as the numbers of a promotion's verdict: `previous`, or `rolled_back`; pure."""
    name = _name(plan)
    if away is None:
        return {name: None}
    known = {} if away.digest is None else {f"{name}_digest": away.digest}
    return {name: away.version, **known}


def read_turned_away(plan: RolloutPlan, verdict: Verdict) -> TurnedAway | None:
    """Return what the verdict of a promotion turned away from, or None; pure."""
    name = _name(plan)
    # Decisions of before have no such number.
    version = verdict.numbers.get(name, plan.standing)
    sha256 = verdict.numbers.get(f"{name}_digest")
    if not isinstance(version, int):
        return None
    return TurnedAway(version, None if sha256 is None else str(sha256))


def _name(plan: RolloutPlan) -> str:
    return "rolled_back" if plan.action == "roll_back" else "previous"


def may_return(registry: Registry, model: str, found: TurnedAway) -> bool:
    """Return whether a version is still in the registry, with its bytes, and not blocked.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    return has_bytes(registry, model, found) and (
        registry.version(model, found.version).tags.get(ROLLOUT_TAG) not in BLOCKED
    )


def has_bytes(registry: Registry, model: str, found: TurnedAway) -> bool:
    """Return whether the registry still has a version with its bytes.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    try:
        sha256 = registry.version(model, found.version).tags.get(DIGEST)
    except NotFound:
        return False
    return None in {sha256, found.digest} or sha256 == found.digest


def _champion_before(store: Store, plan: RolloutPlan) -> TurnedAway | None:
    for version, run in newest_promotions(store, plan.model):
        if run == rollout_run(plan.token):
            continue
        try:
            return TurnedAway(version, read_plan(store, plan.model, run).digest)
        except NotFound:
            return TurnedAway(version, None)
    return None
