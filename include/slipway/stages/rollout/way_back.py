"""Keep warm what a promotion will turn away from, so that the next rollback needs no registry.

A hand may have moved the alias `champion` from what serves. The aliases then name another previous
champion, or none, until the promotion has moved them; only the ledger and the traffic tell.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from slipway.errors import RegistryUnavailable
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.plan import RolloutPlan, plan_of
from slipway.stages.rollout.turned_away import TurnedAway, find_turned_away, may_return


def with_way_back(
    verdict: Verdict,
    state: ObservedState,
    *,
    model: str,
    store: Store,
    registry: Registry,
    token: int,
) -> Verdict:
    """Return a verdict of `reconcile` that also names what stays warm as the next way back.

    Only what serves or is warm already, by number and bytes, and may serve: nothing is started for
    it, and a rollout that continues another one keeps what that has kept.

    Args:
        verdict: The verdict without it.
        state: Aliases and traffic that it was made on.
        model: Name of the model.
        store: Store of the ledger.
        registry: Versions and their tags.
        token: Number of the lease.
    """
    if verdict.action not in {"repair", "roll_out"}:
        return verdict
    plan = plan_of(model, verdict, token=token)
    away = find_turned_away(store, plan)
    # What it falls back to stays warm anyway.
    if away is None or away.version == plan.fallback:
        return verdict
    if away.version not in {state.stands, *state.kept}:
        return verdict
    here = state.running.get(away.version, away.digest)
    found = TurnedAway(away.version, here)
    is_other = None not in {here, away.digest} and here != away.digest
    if is_other or not _may_stay(registry, model, found, unknown=False):
        return verdict
    known = {} if here is None else {"turned_away_digest": here}
    return replace(verdict, numbers={**verdict.numbers, "turned_away": found.version, **known})


def with_present_way_back(plan: RolloutPlan, registry: Registry) -> RolloutPlan:
    """Return the plan without a way back that was deleted or blocked since it was made.

    A server that cannot start any more, or may not, is no reason to fail or to wait.
    """
    if plan.turned_away is None:
        return plan
    found = TurnedAway(plan.turned_away, plan.turned_away_digest)
    if _may_stay(registry, plan.model, found, unknown=True):
        return plan
    return replace(plan, turned_away=None, turned_away_digest=None)


def _may_stay(registry: Registry, model: str, found: TurnedAway, *, unknown: bool) -> bool:
    """Whether a version may stay warm; `unknown` where the registry does not answer."""
    with suppress(RegistryUnavailable):
        return may_return(registry, model, found)
    return unknown
