"""Find a champion that serves and that the ledger does not have, as after a stopped repair."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.champion_history import champion_as_of
from slipway.records.store import Store
from slipway.stages.rollout.foreign_alias import is_promotion_under_way
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision


def confirm_champion(store: Store, model: str, state: ObservedState) -> RolloutDecision | None:
    """Return a repair of nothing but the ledger; None where it has the champion.

    Args:
        store: Store of the ledger.
        model: Name of the model.
        state: Aliases and traffic, at a time at which a rollout was stopped.
    """
    entered = champion_as_of(store, model, datetime.now(UTC))
    if entered is None or state.champion is None or state.champion != state.served:
        return None
    if entered.version == state.champion or is_promotion_under_way(store, model, state.champion):
        return None
    reason = f"version {state.champion} is champion and served, but the ledger says version"
    return RolloutDecision("repair", state.champion, f"{reason} {entered.version}.")
