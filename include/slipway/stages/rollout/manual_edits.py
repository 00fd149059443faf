"""Respect manual edits of what is served: no rollout begins, a roll-back leaves them."""

from __future__ import annotations

from dataclasses import replace

from slipway.errors import EditedByHand
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.platform import Served


def require_unedited(model: str, served: Served | None) -> None:
    """Raise if a field that rollouts own was edited by hand.

    Raises:
        EditedByHand: It was.
    """
    if served is not None and served.edited is not None:
        raise _edited(model, served.edited)


def respect_edits(model: str, state: ObservedState, decision: RolloutDecision) -> RolloutDecision:
    """The decision; after a manual edit only a roll-back or repair, whose reason names it."""
    if state.edited is None:
        return decision
    if decision.action not in {"roll_back", "repair"}:
        raise _edited(model, state.edited)
    reason = f"{decision.reason.removesuffix('.')}. Edited by hand, and left so: {state.edited}."
    return replace(decision, reason=reason)


def _edited(model: str, edit: str) -> EditedByHand:
    return EditedByHand(
        f"what serves {model} was edited by hand",
        expected="the state that the last rollout applied",
        found=edit,
        hint="undo the edit, or hand it back as docs/guides/rollout-on-kubernetes.md "
        "describes, then run again; nothing is overwritten",
    )
