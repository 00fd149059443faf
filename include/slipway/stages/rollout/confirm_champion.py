"""Find a champion that serves and that the ledger does not have, as after a stopped repair."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.champion_history import champion_as_of, is_promotion
from slipway.records.open_work import open_stages
from slipway.records.run_records import find_record
from slipway.records.store import Store
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
    if entered.version == state.champion or _is_recorded(store, model, state.champion):
        return None
    reason = f"version {state.champion} is champion and served, but the ledger says version"
    return RolloutDecision("repair", state.champion, f"{reason} {entered.version}.")


def _is_recorded(store: Store, model: str, version: int) -> bool:
    """Whether a version's promotion is recorded, and entered by whatever stage runs next."""
    records = (find_record(store, ref) for ref in open_stages(store, model))
    return any(
        record is not None
        and is_promotion({"stage": record.ref.stage, "action": record.verdict.action})
        and record.verdict.numbers["version"] == version
        for record in records
    )
