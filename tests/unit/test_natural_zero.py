"""`slipway new`: a column without negative numbers gets a bound of 0 where that is its nature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.bounds import expected_of_features
from slipway.stages.profile.column_types import TypeGuess
from slipway.stages.profile.measured import Column
from tests.support.new_specs import csv_file, planned, table

RNG = np.random.default_rng(9)
ROWS = 2000
SEASON = 16.5 - 13.4 * np.cos(np.linspace(0, 40, ROWS))


def least(name: str, values: np.ndarray, kind: str = "number") -> float:
    """The lower bound that is expected of a column."""
    guess = TypeGuess(kind, "")  # type: ignore[arg-type]
    (bound, *_) = expected_of_features([Column(name, 0, guess, pd.Series(values))])
    assert bound.severity == "critical"
    return float(bound.kwargs["min_value"])


@pytest.mark.parametrize(
    "values",
    [
        RNG.lognormal(3, 1, ROWS),
        RNG.lognormal(12, 0.5, ROWS),
        RNG.exponential(40, ROWS) + 0.01,
        RNG.uniform(0.001, 1, ROWS),
        RNG.gamma(2, 9, ROWS),
        np.append(RNG.uniform(0.42, 10, 150), RNG.normal(30, 13, ROWS).clip(0.42, 80)),
        RNG.normal(50, 20, ROWS).clip(0),
    ],
    ids=["prices", "houses", "waits", "shares", "rain", "ages", "clipped"],
)
def test_a_quantity_that_ends_at_zero_has_no_value_below(values: np.ndarray) -> None:
    """It crowds near zero, its tail is cut there, or it reaches zero itself."""
    assert least("amount", values) == 0


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(17, 4.5, ROWS).clip(3, 30),
        RNG.normal(14, 4, ROWS).clip(0.3, 30),
        SEASON,
        RNG.uniform(3, 30, ROWS),
        RNG.normal(80, 20, ROWS),
        RNG.lognormal(3, 1, 60),
    ],
    ids=["summer", "near zero", "season", "even", "centred", "few rows"],
)
def test_a_centred_quantity_may_fall_below_zero(values: np.ndarray) -> None:
    """As temperatures do in winter; a bound of 0 would block the batch."""
    assert values.min() > 0
    assert least("reading", values) < 0


@pytest.mark.parametrize("name", ["temperature", "temp_c", "longitude", "price_change", "profit"])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_quantity_with_a_sign_by_its_name_has_no_such_bound(name: str, kind: str) -> None:
    """Whatever this file holds, whole numbers too."""
    assert least(name, np.arange(300.0), kind) < 0


@pytest.mark.parametrize("name", ["int_rate", "Body Weight", "mean radius", "price_eur"])
def test_a_quantity_without_a_sign_by_its_name_has_no_value_below(name: str) -> None:
    """Though it is centred, as interest rates from 5.3 to 29; a growth rate has a sign."""
    centred = RNG.uniform(5.3, 29, ROWS)
    assert least(name, centred) == 0
    assert least(f"growth {name}", centred) < 0


def test_far_from_zero_the_range_is_the_bound() -> None:
    """A pressure of 500 is as wrong as one below 0."""
    assert least("pressure", 980 + RNG.exponential(9, ROWS)) > 800


def test_the_comment_says_why_none_is_below_zero(tmp_path: Path) -> None:
    """As of whole numbers; of a target as well."""
    frame = table().assign(price=lambda one: (np.exp(one["price"] / 100)).round(2))
    frame["fee"] = RNG.lognormal(3, 1, len(frame)).round(2)
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="price")
    bounds = {one.kwargs["column"]: one for one in (*plan.features, *plan.labels)}
    for name in ("fee", "price"):
        (bound,) = [
            one
            for one in (*plan.features, *plan.labels)
            if one.kwargs["column"] == name and "min_value" in one.kwargs
        ]
        assert bound.kwargs["min_value"] == 0
        assert bound.why.endswith("and none below 0")
    assert "rooms" in bounds
