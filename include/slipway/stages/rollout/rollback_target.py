"""Decide which version a rollback returns to; pure."""

from __future__ import annotations

from slipway.errors import BadParameter
from slipway.stages.rollout.observed_state import (
    ObservedState,
    RolloutDecision,
    describe_served,
    describe_sharing,
)


def roll_back(state: ObservedState, *, model: str) -> RolloutDecision:
    """Return to the previous champion, or from a rollout that has not ended to the champion.

    Args:
        state: Aliases and traffic.
        model: Name of the model, for what helps instead.

    Raises:
        BadParameter: There is no previous champion, or it may not serve.
    """
    if state.canaries:
        reason = f"{describe_sharing(state)}, and a return from that was asked for."
        return RolloutDecision("repair", state.stays, reason)
    if state.unpromoted is not None:
        reason = (
            f"version {state.unpromoted} is served since a rollout that did not make it champion, "
            "and a return from that was asked for."
        )
        return RolloutDecision("repair", state.standing, reason)
    if state.previous is None:
        raise BadParameter(
            "cannot roll back: there is no previous champion",
            expected="an alias `previous` in the registry",
            hint=_instead(state.champion, model=model),
        )
    if state.previous in state.blocked:
        raise BadParameter(
            "cannot roll back: the previous champion may not serve by itself",
            found=f"version {state.previous} was {state.blocked[state.previous]} before",
            hint=f"run {model}__deploy with {state.previous} as `to` to roll it out all the same",
        )
    reason = f"a return to version {state.previous} was asked for, {describe_served(state)}"
    return RolloutDecision("roll_back", state.previous, reason)


def _instead(champion: int | None, *, model: str) -> str:
    """What helps where no champion came before the present one."""
    if champion is None:
        return "no version is champion either; the first rollout makes one"
    if champion == 1:
        return "it is the first version, so that there is none to go back to; train another one"
    return f"run {model}__deploy with the number of an older version as `to`, if it shall serve"
