"""Compare a served version's answers with its offline predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.stages.model.agreement import max_difference
from slipway.stages.rollout.plan import RolloutPlan
from slipway.stages.rollout.platform import Platform

READ_BACK_ROUNDS = 3
RETRY_LIMIT_SECONDS = 60.0
"""A platform that took this long to fail is not tried again: it waited for a server in vain."""


def find_wrong_answer(
    plan: RolloutPlan,
    sample: Mapping[str, Any],
    *,
    platform: Platform,
    allowed: float,
    version: int | None = None,
) -> str | None:
    """Send the verified rows once; return what is wrong with the answer, or None.

    Args:
        plan: Rollout whose version has to answer.
        sample: The rows as a probe, with the version's offline predictions.
        platform: What serves the model.
        allowed: Largest allowed difference from a prediction.
        version: Version to ask; None: through the live traffic.
    """
    answer = platform.ask(plan.model, sample["payload"], version=version)
    if answer.version != plan.version:
        return f"version {answer.version} answered a request."
    difference = max_difference(answer.scores, sample["scores"])
    if difference is None:
        return "an answer cannot be compared with the offline predictions."
    if difference > allowed:
        return f"an answer differs from the offline prediction by {difference:.3g}."
    return None
