"""Outcome of a version's last rollout, kept as a tag of the registered version."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Registry, Versions
from slipway.stages.rollout.canary_analysis import ABORTED, INCONCLUSIVE
from slipway.stages.rollout.plan import RolloutPlan

ROLLOUT_TAG = "slipway.rollout"

REFUSED, ROLLED_BACK, SERVING, SERVED = "refused", "rolled_back", "serving", "served"
"""Of the last two the first is the champion's, the second that of former ones."""

VERIFIED, SWITCHED, PROMOTED = "verified", "switched", "promoted"
"""Actions of a rollout's stages after which the next one runs."""

BLOCKED = frozenset({REFUSED, ABORTED, INCONCLUSIVE, ROLLED_BACK})
"""Outcomes after which a version is rolled out again only when its number is given."""


def tag_version(registry: Registry, plan: RolloutPlan, tags: Mapping[str, str]) -> None:
    """Set tags of a rollout's version, unless its number belongs to other bytes by now.

    Raises:
        NotFound: The registry has no such version.
    """
    if has_planned_digest(registry, plan):
        registry.tag(plan.model, plan.version, tags)


def has_planned_digest(registry: Versions, plan: RolloutPlan) -> bool:
    """Whether the number of a rollout's version still has the bytes that were planned.

    Raises:
        NotFound: The registry has no such version.
    """
    tags = registry.version(plan.model, plan.version).tags
    return plan.digest is None or tags.get(DIGEST, plan.digest) == plan.digest
