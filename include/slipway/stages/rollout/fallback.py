"""Fall back: route every request to the version that served before a rollout."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from slipway.errors import EditedByHand, Superseded
from slipway.stages.rollout.plan import RolloutPlan
from slipway.stages.rollout.platform import Platform

logger = logging.getLogger(__name__)


def restore_fallback(plan: RolloutPlan, platform: Platform, *, token: int | None = None) -> None:
    """Route every request to the version that served before, in spite of manual edits.

    No effect where that is the version itself: a repair, and a rollout of what serves already.

    Args:
        plan: The rollout.
        platform: What serves the model.
        token: Fencing token; None: the rollout's own.
    """
    if plan.fallback is None and (plan.action == "repair" or plan.served_already):
        return
    weights = {plan.fallback: 1.0} if plan.fallback is not None else {}
    platform.apply(
        plan.model,
        weights=weights,
        keep=_warm_before(plan),
        token=plan.token if token is None else token,
        digests=plan.digests(is_restored=True),
        is_urgent=True,
    )


@contextmanager
def fallback_on_failure(plan: RolloutPlan, platform: Platform) -> Iterator[None]:
    """Restore the fallback at once if what runs inside fails or is stopped; a retry begins anew.

    Not when another rollout took over, and not against a manual edit.
    """
    try:
        yield
    except (Superseded, EditedByHand):
        raise
    except BaseException:
        if plan.fallback is not None:
            try:
                restore_fallback(plan, platform)
            except Exception as error:  # noqa: BLE001  what failed first is raised
                logger.warning("version %s was not restored: %s", plan.fallback, error)
        raise


def _warm_before(plan: RolloutPlan) -> list[int]:
    """Versions that were ready without a share: also the one that a rollback did not return to."""
    return _ready_before(plan, sharing={plan.fallback})


def warm_in_steps(plan: RolloutPlan) -> list[int]:
    """Versions kept ready without a share while champion and candidate have all of it."""
    return _ready_before(plan, sharing={plan.fallback, plan.version})


def _ready_before(plan: RolloutPlan, *, sharing: Collection[int | None]) -> list[int]:
    every = {plan.previous, plan.turned_away}
    return sorted(one for one in every if one is not None and one not in sharing)
