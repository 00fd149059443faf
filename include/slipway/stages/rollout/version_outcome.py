"""Outcome of a version's last rollout, kept as a tag of the registered version."""

from __future__ import annotations

from slipway.stages.rollout.canary_analysis import ABORTED, INCONCLUSIVE

ROLLOUT_TAG = "slipway.rollout"

REFUSED, ROLLED_BACK, SERVING = "refused", "rolled_back", "serving"

BLOCKED = frozenset({REFUSED, ABORTED, INCONCLUSIVE, ROLLED_BACK})
"""Outcomes after which a version is rolled out again only when its number is given."""
