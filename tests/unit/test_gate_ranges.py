"""`slipway check` warns of a bar that no challenger can reach, or that every one does."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.spec.gate_ranges import range_warnings
from slipway.spec.gate_thresholds import gate_warnings
from slipway.spec.gates import Gates
from slipway.spec.metrics import METRICS
from tests.support.training_env import spec


def told(metrics: dict[str, Any], **others: Any) -> list[str]:
    """Warnings of gates."""
    return [*range_warnings(Gates.model_validate({"metrics": metrics, **others}))]


@pytest.mark.parametrize(
    ("metrics", "warning"),
    [
        (
            {"roc_auc": {"threshold": 5}},
            "no model can reach it: roc_auc is never above 1",
        ),
        ({"log_loss": {"threshold": -0.1}}, "no model can reach it: log_loss is never below 0"),
        ({"roc_auc": {}, "accuracy": {"threshold": 0}}, "accuracy.threshold: every model reaches"),
        ({"roc_auc": {}, "brier_score": {"threshold": 1}}, "brier_score.threshold: every model"),
        ({"roc_auc": {"min_absolute_change": 1.0}}, "no challenger can be better by so much"),
        (
            {"roc_auc": {"compare": "not_worse", "margin": 1.5}},
            "margin: no challenger can be",
        ),
    ],
)
def test_a_bar_that_decides_nothing_is_told(metrics: dict[str, Any], warning: str) -> None:
    """With its field."""
    [one] = told(metrics)
    assert warning in one


@pytest.mark.parametrize(
    "metrics",
    [
        {"roc_auc": {"threshold": 1.0}},
        {"roc_auc": {"threshold": 0}},
        {"mean_absolute_error": {"threshold": 1e9}},
        {"r2_score": {"threshold": -3, "compare": "not_worse", "margin": 50}},
        {"quadratic_kappa": {"threshold": -0.5}},
        {"roc_auc": {"compare": "not_worse", "margin": 0.5}},
    ],
)
def test_a_bar_that_can_pass_and_refuse_is_not_told(metrics: dict[str, Any]) -> None:
    """A threshold beside a comparison may be as low as it likes."""
    assert told(metrics) == []


def test_an_anchor_that_allows_every_loss_is_told() -> None:
    """As a part of the warnings of gates."""
    gates = {"metrics": {"roc_auc": {}}, "anchor": {"max_loss": 1.0}}
    assert "gates.anchor.max_loss" in " ".join(gate_warnings(spec(gates=gates)))


def test_values_of_every_metric_have_a_range() -> None:
    """A new row states it where it is not 0 to 1."""
    assert all(one.lowest < one.highest for one in METRICS.values())
