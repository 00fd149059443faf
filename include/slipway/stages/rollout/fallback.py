"""Fall back: route every request to the version that served before a rollout."""

from __future__ import annotations

from slipway.stages.rollout.plan import RolloutPlan
from slipway.stages.rollout.platform import Platform


def restore_fallback(plan: RolloutPlan, platform: Platform) -> None:
    """Route every request to the version that served before, in spite of manual edits."""
    weights = {plan.fallback: 1.0} if plan.fallback is not None else {}
    platform.apply(
        plan.model,
        weights=weights,
        keep=warm_in_steps(plan),
        token=plan.token,
        digests=plan.digests(is_restored=True),
        is_urgent=True,
    )


def warm_in_steps(plan: RolloutPlan) -> list[int]:
    """Versions kept ready without a share while champion and candidate have all of it."""
    return [] if plan.previous is None or plan.previous == plan.version else [plan.previous]
