"""Decide which rollout removes the difference between observed and desired state; pure."""

from __future__ import annotations

from slipway.errors import BadParameter
from slipway.stages.rollout.observed_state import (
    ObservedState,
    RolloutDecision,
    describe_served,
    describe_sharing,
    describe_traffic,
    describe_unfit,
)
from slipway.stages.rollout.rollback_target import roll_back


def decide_rollout(state: ObservedState, to: str, *, model: str) -> RolloutDecision:
    """Decide which rollout removes the difference between observed and desired state; pure.

    While a rollout shares the traffic, `previous` returns to the champion, which served before
    it. The next `previous` then goes further back.

    Args:
        state: Aliases and traffic.
        to: `challenger`, `previous`, or a version's number, which overrides a blocking outcome.
        model: Name of the model, for hints.

    Raises:
        BadParameter: `to` cannot be rolled out.
    """
    unfinished = _finish(state)
    if to == "challenger":
        return unfinished or _repair(state) or _to_challenger(state)
    if to == "previous":
        if unfinished is not None and unfinished.action == "roll_back":
            return unfinished
        return roll_back(state, model=model)
    if to.isdecimal():
        return _to_version(state, int(to))
    raise BadParameter(
        f"cannot roll out {to!r}", expected="challenger, previous, or a version's number"
    )


def _to_challenger(state: ObservedState) -> RolloutDecision:
    champion, challenger = state.champion, state.challenger
    if champion is not None and state.is_new(champion) and champion not in state.blocked:
        reason = f"version {champion} is champion, with bytes that nobody verified"
        return RolloutDecision("roll_out", champion, f"{reason}, {describe_served(state)}")
    if challenger is None:
        return RolloutDecision("nothing", None, _idle(state, "there is no challenger"))
    if challenger in state.blocked:
        why = state.blocked[challenger].replace("_", " ")
        why_not = f"challenger {challenger} was {why} before; its number as `to` overrides that"
        return RolloutDecision("nothing", None, _idle(state, why_not))
    if challenger == champion:
        return RolloutDecision("nothing", None, _idle(state, "the challenger is the champion"))
    return RolloutDecision(
        "roll_out", challenger, f"version {challenger} is challenger, {describe_served(state)}"
    )


def _to_version(state: ObservedState, version: int) -> RolloutDecision:
    if state.champion == version and not state.is_new(version):
        if state.served == version:
            why_not = f"version {version} is champion and served"
            return RolloutDecision("nothing", None, _idle(state, why_not))
        reason = f"version {version} is champion, but {describe_traffic(state)}."
        return RolloutDecision("repair", version, reason)
    backwards = state.champion is not None and version < state.champion
    reason = f"version {version} was asked for by number, {describe_served(state)}"
    return RolloutDecision("roll_back" if backwards else "roll_out", version, reason)


def _repair(state: ObservedState) -> RolloutDecision | None:
    if state.standing is None or state.is_new(state.champion):
        return _end_canary(state)
    if state.unfit:
        return RolloutDecision("repair", state.champion, f"{describe_unfit(state)}.")
    known = {one for one in (state.champion, state.challenger) if not state.is_new(one)}
    if state.served in known - {None}:
        return None
    reason = f"version {state.champion} is champion, but {describe_traffic(state)}."
    if state.canaries:
        reason = f"{describe_sharing(state)} since an unfinished rollout."
    return RolloutDecision("repair", state.champion, reason)


def _end_canary(state: ObservedState) -> RolloutDecision | None:
    """Without a champion: return to what served before a canary that is not rolled out again."""
    goes_on = state.challenger in state.canaries and state.challenger not in state.blocked
    if not state.canaries or goes_on or state.is_new(state.stays):
        return None
    reason = f"{describe_sharing(state)} since an unfinished rollout, and there is no champion."
    return RolloutDecision("repair", state.stays, reason)


def _finish(state: ObservedState) -> RolloutDecision | None:
    if state.unfinished is None:
        return None
    action, version = state.unfinished
    if version in state.unfit:
        return None
    if state.served != version or state.champion == version or state.is_new(version):
        return None
    reason = f"version {version} is served since a rollout that did not make it champion."
    return RolloutDecision(action, version, reason)


def _idle(state: ObservedState, why: str) -> str:
    return f"{why[0].upper()}{why[1:]}, {describe_served(state)}"
