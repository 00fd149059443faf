"""`slipway check` warns of rules of retraining that stand in each other's way."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.spec.retraining_warnings import retraining_warnings
from tests.support import ferry_dataset


def told(window: str = "week", horizon: int = 0, fire: Any = None, **policy: Any) -> list[str]:
    """The warnings of a model."""
    spec = ferry_dataset.model(retraining=policy)
    changed = {"window": window, "label_horizon_days": horizon}
    if fire is not None:
        changed["fire"] = spec.monitoring.fire.model_copy(update=fire)
    monitoring = spec.monitoring.model_copy(update=changed)
    return list(retraining_warnings(spec.model_copy(update={"monitoring": monitoring})))


@pytest.mark.parametrize(
    ("policy", "warning"),
    [
        (
            {"window": "month", "cooldown_days": 7, "breaker": None},
            "never rests: 7 days are shorter than a window (month)",
        ),
        (
            {"window": "day", "horizon": 30, "cooldown_days": 7, "breaker": None},
            "the labels of a window mature after 30 days",
        ),
        (
            {"cron": "@weekly", "budget": {"trainings": 4, "days": 90}, "cooldown_days": 0},
            "retraining.budget: 4 trainings in 90 days are fewer than the 13 ticks",
        ),
        (
            {"cron": "0 * * * *", "budget": {"trainings": 9, "days": 365}, "cooldown_days": 0},
            "are fewer than the at least 400 ticks",
        ),
        (
            {"cron": "@monthly", "cooldown_days": 30},
            "30 days are longer than the 28 between ticks of `retraining.cron`",
        ),
        (
            {"window": "month", "cron": "@monthly", "cooldown_days": 7, "fire": {"k": 2}},
            "monitoring.fire: can hardly ever fire: 2 windows (month) of one champion",
        ),
    ],
)
def test_a_policy_that_never_fires_or_never_rests_is_named(
    policy: dict[str, Any], warning: str
) -> None:
    """With its field, its numbers and what to do."""
    assert any(warning in one for one in told(**policy))


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"window": "month", "cooldown_days": 7},
        {"window": "month", "cooldown_days": 7, "breaker": None, "mode": "suggest"},
        {"cooldown_days": 0, "breaker": None, "on_drift": False, "on_decay": False},
        {"cron": "@monthly", "cooldown_days": 20, "budget": {"trainings": 13, "days": 366}},
        {"cron": "@yearly"},
    ],
)
def test_a_policy_that_works_is_not_named(policy: dict[str, Any]) -> None:
    """The defaults among them."""
    assert told(**policy) == []
