"""Decide whether a rollout needs the lease at all, and again which one, once it has the lease."""

from __future__ import annotations

from datetime import datetime

from slipway.records.store import Store
from slipway.stages.model.aliases import PREVIOUS
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.complete_rollouts import is_unsettled
from slipway.stages.rollout.confirm_champion import confirm_champion
from slipway.stages.rollout.decide_with_losses import decide_with_losses
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.rollback_wish import find_fulfilment, find_uncompleted


def find_rest(
    store: Store, model: str, state: ObservedState, *, registry: Registry, to: str
) -> RolloutDecision | None:
    """Return the decision that there is nothing to do, to complete or to take away, or None.

    Args:
        store: Store of leases, records and ledger.
        model: Name of the model.
        state: Aliases and traffic.
        registry: Aliases and versions.
        to: Version that is asked for.
    """
    decision = decide_with_losses(model, state, to, store=store, registry=registry)
    has_left = state.unserved or state.candidates
    has_work = decision.action != "nothing" or has_left or is_unsettled(store, model)
    return None if has_work else decision


def decide_under_lease(
    store: Store,
    model: str,
    now: ObservedState,
    *,
    registry: Registry,
    seen: ObservedState,
    to: str,
    asked_at: datetime,
    before: int,
) -> RolloutDecision:
    """Decide again, since much may have happened while the lease was waited for.

    A rollback that was fulfilled meanwhile is `nothing`, and so is one that repeats another whose
    aliases wait for MLflow.

    Args:
        store: Store of records and ledger.
        model: Name of the model.
        now: Aliases and traffic under the lease.
        registry: Aliases and versions.
        seen: Aliases and traffic before the lease.
        to: Version that is asked for.
        asked_at: Time at which it was asked for.
        before: Number of the lease.
    """
    if to == PREVIOUS:
        fulfilled = find_uncompleted(store, model, served=now.served) or find_fulfilment(
            store, model, asked_at=asked_at, before=before
        )
        if fulfilled is None and seen.canaries and now.champion == seen.champion:
            gone = f"what shared the traffic with version {now.champion} was taken back meanwhile."
            fulfilled = None if now.canaries else gone
        if fulfilled is not None:
            return RolloutDecision("nothing", None, fulfilled)
    decision = decide_with_losses(model, now, to, store=store, registry=registry)
    if decision.action != "nothing":
        return decision
    return confirm_champion(store, model, now) or decision
