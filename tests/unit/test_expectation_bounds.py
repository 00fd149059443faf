"""Reasons of bad rows name what the expectation asks for, and no value of the data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.spec import Expectation
from slipway.spec.expectation_bounds import bounds_text


@pytest.mark.parametrize(
    ("expect", "kwargs", "words"),
    [
        ("values_to_be_between", {"max_value": 500}, "at most 500"),
        ("values_to_be_between", {"min_value": 0, "max_value": 2.5}, "at least 0, at most 2.5"),
        (
            "values_to_be_between",
            {"min_value": 0, "strict_min": True, "max_value": 1, "strict_max": True},
            "more than 0, less than 1",
        ),
        (
            "values_to_be_between",
            {"min_value": datetime(2026, 1, 2, tzinfo=UTC)},
            "at least 2026-01-02T00:00:00+00:00",
        ),
        ("values_to_be_in_set", {"value_set": ["a", True]}, "one of a, true"),
        ("values_to_not_be_in_set", {"value_set": [1]}, "none of 1"),
        ("values_to_be_in_set", {"value_set": list(range(9))}, "one of 0, 1, 2, 3, 4 and 4 more"),
        ("values_to_match_regex", {"regex": "^[a-z]+$"}, "a match of ^[a-z]+$"),
        ("values_to_not_match_regex", {"regex": "x"}, "no match of x"),
        ("value_lengths_to_equal", {"value": 3}, "exactly 3"),
        ("values_to_not_be_null", {}, ""),
    ],
)
def test_bounds_of_an_expectation_are_told_in_words(
    expect: str, kwargs: dict[str, Any], words: str
) -> None:
    """Bounds, values and patterns; long lists of values are cut."""
    assert bounds_text(f"expect_column_{expect}", {"column": "price", **kwargs}) == words


def test_the_reason_of_a_bad_row_has_the_bound_and_not_the_value() -> None:
    """As Great Expectations judges it."""
    asked = Expectation(
        expect="expect_column_values_to_be_between", kwargs={"column": "price", "max_value": 500}
    )
    frame = pd.DataFrame({"price": [1.0, 987654.0]})
    (result,) = ExpectationSuites().validate([frame], [asked])
    assert result.broken == "fails expect_column_values_to_be_between (at most 500)"
    assert str(result) == "expect_column_values_to_be_between of price (at most 500; 1 rows)"
