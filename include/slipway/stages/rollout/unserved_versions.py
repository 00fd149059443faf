"""Take away versions that run without a share, as a rollout that stopped leaves them."""

from __future__ import annotations

from dataclasses import replace

from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision, join_versions
from slipway.stages.rollout.platform import Platform


def remove_unserved(
    model: str, state: ObservedState, decision: RolloutDecision, *, platform: Platform, token: int
) -> RolloutDecision:
    """Remove them where no rollout is needed; return the decision, whose reason names them.

    So go the servers of candidates. Call it under the model's lease: a rollout starts servers
    before it gives them a share.

    Args:
        model: Name of the model.
        state: Its state under the lease.
        decision: What follows from it; a rollout removes them itself.
        platform: What serves the model.
        token: Number of the lease.

    Raises:
        Superseded: A newer rollout has claimed the traffic.
        PlatformUnavailable: The platform does not answer.
    """
    if decision.action != "nothing" or not (state.unserved or state.candidates):
        return decision
    gone = platform.remove_unserved(model, token=token)
    reasons = [decision.reason]
    if gone:
        names = join_versions(gone)
        reasons.append(f"{names[0].upper()}{names[1:]} had no share any more: taken away.")
    if state.candidates:
        of = join_versions(state.candidates)
        reasons.append(f"The candidate of {of}, which nobody verifies any more, was taken away.")
    return replace(decision, reason=" ".join(reasons))
