"""Calibration error: how far probabilities lie from what turns out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import measure
from slipway.spec.gates import Gates
from slipway.stages.train.gates import gate

ERROR = "expected_calibration_error"


def _error(labels: np.ndarray, scores: np.ndarray) -> float:
    value = measure([ERROR], actual=pd.Series(labels), scores=scores)[ERROR]
    assert value is not None
    return value


def test_probabilities_that_come_true_have_none() -> None:
    """Up to chance, on 100,000 rows; overconfident ones are found."""
    random = np.random.default_rng(1)
    chances = random.random(100_000)
    labels = (random.random(100_000) < chances).astype(int)
    assert _error(labels, chances) < 0.01
    sure = np.where(chances > 0.5, 0.99, 0.01)
    assert _error(labels, sure) == pytest.approx(0.24, abs=0.01)


def test_it_is_the_weighted_gap_of_bins() -> None:
    """Two bins: 0.3 of 1 row that came true, 0.9 of 3 rows of which 2 did."""
    labels, scores = np.array([1, 1, 1, 0]), np.array([0.3, 0.9, 0.9, 0.9])
    assert _error(labels, scores) == pytest.approx((0.7 + 3 * abs(0.9 - 2 / 3)) / 4)


def test_of_several_classes_the_likeliest_counts() -> None:
    """Whether it is right, against its probability."""
    scores = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert _error(np.array([0, 1, 2]), scores) == pytest.approx((abs(1.4 - 1) + 0.2) / 3)


def test_a_constant_is_no_floor_of_it() -> None:
    """Its error is nearly 0, so a first model that is calibrated well would never pass."""
    bar = {"threshold": 0.05, "compare": "point"}
    gates = Gates.model_validate({"metrics": {ERROR: bar}, "sanity": False})
    numbers = {
        "rows": 9_000,
        "champion.version": None,
        f"challenger.{ERROR}": 0.03,
        f"constant.{ERROR}": 0.001,
    }
    assert gate(gates, numbers).action == "promote"
    assert gate(gates, numbers | {f"challenger.{ERROR}": 0.06}).action == "refuse"
