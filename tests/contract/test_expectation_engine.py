"""Expectations are evaluated without a batch of Great Expectations: the results are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from slipway.adapters.expectations.offered import build
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.spec import Expectation
from slipway.values.value_types import LARGEST_EXACT

JUNE = datetime(2013, 6, 1, tzinfo=UTC)
ROWS = pd.DataFrame(
    {
        "x": [0.5, None, -2.0, 3.0, 0.0, 1.0],
        "n": pd.array([1, 5, None, 2, 2, -4], "Int64"),
        "m": pd.array([1, 2, 3, 3, 9, 0], "Int64"),
        "big": pd.array([2**60, 2**60 + 1, 2**60 - 1, 0, -(2**63), 2**63 - 1], "Int64"),
        "gaps": pd.array([2**53, 2**53 + 1, 2**53 - 1, None, -(2**53) - 1, 7], "Int64"),
        "none": pd.array([None] * 6, "Int64"),
        "word": pd.array(["ab", "abc", None, "bc", "ab", ""], "str"),
        "at": pd.to_datetime(["2013-01-01", None, *["2014-02-03"] * 4], utc=True),
    },
    index=pd.RangeIndex(10, 16),
)
CASES: list[tuple[str, dict[str, Any]]] = [
    ("column_values_to_be_between", {"column": "x", "min_value": 0, "max_value": 1}),
    ("column_values_to_be_between", {"column": "x", "min_value": 0, "mostly": 0.7}),
    (
        "column_values_to_be_between",
        {"column": "at", "min_value": datetime(2013, 6, 1, tzinfo=UTC)},
    ),
    ("column_values_to_be_in_set", {"column": "n", "value_set": [1, 2]}),
    ("column_values_to_not_be_null", {"column": "word"}),
    ("column_values_to_match_regex", {"column": "word", "regex": "^ab"}),
    ("column_values_to_be_of_type", {"column": "n", "type_": "Int64"}),
    ("column_pair_values_to_be_equal", {"column_A": "big", "column_B": "m"}),
    ("column_pair_values_a_to_be_greater_than_b", {"column_A": "big", "column_B": "m"}),
    ("multicolumn_sum_to_equal", {"column_list": ["big", "m"], "sum_total": 3}),
    ("column_mean_to_be_between", {"column": "x", "min_value": 0, "max_value": 1}),
    ("table_row_count_to_be_between", {"min_value": 7}),
    ("table_columns_to_match_set", {"column_set": ["x"]}),
    *(
        ("column_values_to_be_between", {"column": column, **bounds})
        for column in ("n", "m", "big", "gaps", "none")
        for bounds in (
            {"min_value": 2, "max_value": 5},
            {"min_value": 2, "strict_min": True},
            {"max_value": 2.5},
            {"max_value": 2**60, "strict_max": True},
            {"min_value": -(2**53), "max_value": LARGEST_EXACT},
            {"min_value": LARGEST_EXACT, "strict_min": True},
            {"max_value": LARGEST_EXACT + 1},
        )
    ),
]


def _of_a_batch(expectation: Expectation) -> ExpectationValidationResult:
    """Great Expectations' own result, as its guide has it."""
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("rows")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch(batch_parameters={"dataframe": ROWS})
    return batch.validate(build(expectation, 0), result_format={"result_format": "COMPLETE"})


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=lambda value: str(value)[:60])
def test_the_result_is_that_of_a_batch(name: str, kwargs: dict[str, Any]) -> None:
    """Met or not, and by which rows, for integers up to the last one that 64 bits hold."""
    expectation = Expectation(expect=f"expect_{name}", kwargs=kwargs)
    (own,) = ExpectationSuites().validate([ROWS], [expectation])
    expected = _of_a_batch(expectation)
    assert own.success == expected.success
    if own.rows is not None:
        assert list(own.rows) == (expected.result.get("unexpected_index_list") or [])
