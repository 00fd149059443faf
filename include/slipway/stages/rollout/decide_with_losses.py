"""Decide a rollout, and tell in its reason what the registry lost, or which alias is foreign."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from slipway.errors import BadParameter, RegistryUnavailable, Tampered
from slipway.records.store import Store
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.registry_losses import LossRegistry, find_losses, find_lost_champion
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.foreign_versions import find_foreign
from slipway.stages.rollout.manual_edits import respect_edits
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision


def decide_with_losses(
    model: str, state: ObservedState, to: str, *, store: Store, registry: LossRegistry
) -> RolloutDecision:
    """Decide which rollout is needed; foreign aliases and a lost champion are named.

    So is a lost version to go back to. None of it is told while the registry does not answer.

    Args:
        model: Name of the model.
        state: Aliases and traffic.
        to: `challenger`, `previous`, or a version's number.
        store: Store of the ledger, which knows the versions that there have to be.
        registry: Aliases and versions.

    Raises:
        BadParameter: `to` cannot be rolled out.
        EditedByHand: A field that rollouts own was edited by hand.
    """
    try:
        decision = respect_edits(model, state, decide_rollout(state, to, model=model))
    except BadParameter as error:
        if to != PREVIOUS or state.previous is not None:
            raise
        raise _with_loss(error, model, store=store, registry=registry) from error
    with suppress(RegistryUnavailable):
        if to == PREVIOUS and (damage := _find_damage(model, registry)) is not None:
            reason = f"{decision.reason} The ledger is damaged, its intact entries count: {damage}."
            return replace(decision, reason=reason)
        told = "".join(f" {one.sentence}" for one in find_foreign(registry, model))
        decision = replace(decision, reason=f"{decision.reason}{told}")
        if decision.action != "nothing" or state.champion is not None:
            return decision
        loss = find_lost_champion(model, store=store, registry=registry)
        if loss is not None:
            return replace(decision, reason=f"{decision.reason} {loss.sentence}")
    return decision


def _find_damage(model: str, registry: LossRegistry) -> str | None:
    """What of the ledger is damaged, so that an alias is not known, or None."""
    try:
        for alias in (CHAMPION, PREVIOUS, CHALLENGER):
            registry.alias(model, alias)
    except Tampered as error:
        return error.message
    return None


def _with_loss(
    error: BadParameter, model: str, *, store: Store, registry: LossRegistry
) -> BadParameter:
    """The refusal of a rollback, with the loss of the version that it would have returned to."""
    with suppress(RegistryUnavailable):
        if (damage := _find_damage(model, registry)) is not None:
            message = f"cannot roll back by the intact entries of the ledger: {damage}"
            way_out = (
                f"restore it from a backup, or leave it out by `slipway ledger accept {model}`, "
                f"then run {model}__deploy with the number of a version as `to`"
            )
            return BadParameter(message, expected=error.expected, hint=way_out)
        every = find_losses(model, store=store, registry=registry)
        losses = [loss for loss in every if loss.alias != CHALLENGER]
        if losses:
            message = f"cannot roll back: {losses[-1].reason}"
            return BadParameter(message, expected=error.expected, hint=losses[-1].way_out)
    return error
