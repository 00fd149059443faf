"""Expectations on a delivery in parts: the results are those on the whole delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from great_expectations import expectations as gxe

from slipway.adapters.expectations.mistakes import check_expectations
from slipway.adapters.expectations.offered import ROW_LEVEL
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.adapters.row_spool import open_spool
from slipway.spec import Expectation
from slipway.stages.ingest.evaluate_expectations import evaluate
from slipway.stages.ingest.repeated_keys import repeated_keys
from slipway.values.kernels import arrow_type
from slipway.values.value_types import ColumnType

ROWS = 60
NUMBERS = {"min_value": -1.0, "max_value": 1.0}
WORDS = {"column": "word"}
BY_ROW: dict[str, dict[str, Any]] = {
    "column_pair_values_a_to_be_greater_than_b": {"column_A": "x", "column_B": "y"},
    "column_pair_values_to_be_equal": {"column_A": "x", "column_B": "y"},
    "column_pair_values_to_be_in_set": {
        "column_A": "word",
        "column_B": "n",
        "value_pairs_set": [("ab", 1), ("abc", 2)],
    },
    "column_value_lengths_to_be_between": {**WORDS, "min_value": 3},
    "column_value_lengths_to_equal": {**WORDS, "value": 2},
    "column_value_z_scores_to_be_less_than": {
        "column": "x",
        "threshold": 1.0,
        "double_sided": True,
    },
    "column_values_to_be_between": {"column": "x", **NUMBERS},
    "column_values_to_be_decreasing": {"column": "n"},
    "column_values_to_be_in_set": {**WORDS, "value_set": ["ab", "abc"]},
    "column_values_to_be_increasing": {"column": "n"},
    "column_values_to_be_null": {"column": "x"},
    "column_values_to_be_unique": {"column": "n"},
    "column_values_to_match_like_pattern": {**WORDS, "like_pattern": "a%"},
    "column_values_to_match_regex": {**WORDS, "regex": "^ab"},
    "column_values_to_match_regex_list": {**WORDS, "regex_list": ["^ab$", "^b"]},
    "column_values_to_not_be_in_set": {**WORDS, "value_set": ["ab"]},
    "column_values_to_not_be_null": {"column": "x"},
    "column_values_to_not_match_regex": {**WORDS, "regex": "c$"},
    "column_values_to_not_match_regex_list": {**WORDS, "regex_list": ["c$", "^b"]},
    "compound_columns_to_be_unique": {"column_list": ["word", "n"]},
    "multicolumn_sum_to_equal": {"column_list": ["x", "y"], "sum_total": 0},
    "multicolumn_values_to_be_equal": {"column_list": ["x", "y"]},
    "column_values_to_not_be_outliers": {"column": "x", "method": "iqr", "multiplier": 1.5},
    "select_column_values_to_be_unique_within_record": {"column_list": ["x", "y"]},
}
NOT_IN_MEMORY = {
    "column_values_to_match_like_pattern",
    "column_values_to_match_like_pattern_list",
    "column_values_to_not_match_like_pattern",
    "column_values_to_not_match_like_pattern_list",
}
"""Great Expectations evaluates them in databases only."""


def _rows(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = np.where(random.random(ROWS) < 0.2, np.nan, random.normal(size=ROWS))
    return pd.DataFrame(
        {
            "x": x,
            "y": np.where(random.random(ROWS) < 0.5, x, 0.0),
            "n": pd.array(random.integers(0, 5, ROWS), "Int64"),
            "word": pd.array(random.choice(["ab", "abc", "bc", None], ROWS), "str"),
        },
        index=pd.RangeIndex(100, 100 + ROWS),
    )


@pytest.mark.parametrize("name", sorted(BY_ROW.keys() - NOT_IN_MEMORY))
@pytest.mark.parametrize("mostly", [1.0, 0.5])
def test_parts_give_the_result_of_the_whole(name: str, mostly: float) -> None:
    """The rows that break it, and whether it is met, whatever the size of the parts."""
    kwargs = {**BY_ROW[name], "mostly": mostly}
    expectation = Expectation(expect=f"expect_{name}", kwargs=kwargs)
    suites = ExpectationSuites()
    scope = suites.scope(expectation)
    rows = _rows(seed=len(name))
    (whole,) = suites.validate([rows], [expectation])
    assert scope.by_row
    assert whole.rows is not None
    sizes = (7,) if scope.in_parts else (ROWS,)
    seen = rows[sorted(set(scope.columns or ()))]
    for size in sizes:
        parts = (seen.iloc[start : start + size] for start in range(0, ROWS, size))
        assert suites.validate(parts, [expectation]) == [whole]


ABOUT_THE_BATCH: dict[str, dict[str, Any]] = {
    "column_distinct_values_to_be_in_set": {**WORDS, "value_set": ["ab", "abc"]},
    "column_distinct_values_to_contain_set": {**WORDS, "value_set": ["ab"]},
    "column_distinct_values_to_equal_set": {**WORDS, "value_set": ["ab", "abc", "bc"]},
    "column_max_to_be_between": {"column": "x", "max_value": 1},
    "column_mean_to_be_between": {"column": "x", "min_value": -1, "max_value": 0.1},
    "column_min_to_be_between": {"column": "n", "min_value": 0},
    "column_proportion_of_non_null_values_to_be_between": {"column": "x", "min_value": 0.9},
    "column_quantile_values_to_be_between": {
        "column": "x",
        "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[-1, 1]]},
    },
    "column_unique_value_count_to_be_between": {**WORDS, "max_value": 3},
    "column_values_to_be_unique": {**WORDS, "mostly": 0.5},
    "table_columns_to_match_set": {"column_set": ["x", "y", "n", "word"]},
    "table_row_count_to_equal": {"value": ROWS},
}


@pytest.mark.parametrize("name", ABOUT_THE_BATCH)
def test_a_spool_gives_the_result_of_the_whole(name: str, tmp_path: Path) -> None:
    """An expectation sees its columns, their distinct values, or the number of rows alone."""
    expectation = Expectation(expect=f"expect_{name}", kwargs=ABOUT_THE_BATCH[name])
    suites, rows = ExpectationSuites(), _rows(seed=7).reset_index(drop=True)
    (whole,) = suites.validate([rows], [expectation])
    kinds: dict[str, ColumnType] = {"x": "number", "y": "number", "n": "integer", "word": "string"}
    with open_spool(tmp_path, kinds) as spool:
        for start in range(0, ROWS, 7):
            table = pa.Table.from_pandas(rows.iloc[start : start + 7], preserve_index=False)
            columns = {name: table[name].combine_chunks() for name in kinds}
            spool.append({name: one.cast(arrow_type(kinds[name])) for name, one in columns.items()})
        assert evaluate(spool, [expectation], suites) == [whole]


def test_known_repeated_values_are_not_looked_for_again(tmp_path: Path) -> None:
    """An expectation that the key is unique is met unless rows are known to repeat it."""
    kwargs = {"column": "n"}
    unique = Expectation(expect="expect_column_values_to_be_unique", kwargs=kwargs)
    with open_spool(tmp_path, {"n": "integer"}) as spool:
        spool.append({"n": pa.array([1, 2, None, 2], pa.int64())})
        known = {"n": repeated_keys(spool, "n")}
        found = evaluate(spool, [unique], ExpectationSuites(), repeated=known)
        assert found == evaluate(spool, [unique], ExpectationSuites())
        assert found[0].rows == (1, 3)
        (trusted,) = evaluate(spool, [unique], ExpectationSuites(), repeated={"n": np.array([0])})
        assert trusted.rows == (0,)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("column_pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "m"}),
        ("column_pair_values_to_be_equal", {"column_A": "n", "column_B": "m"}),
        ("multicolumn_sum_to_equal", {"column_list": ["n", "m"], "sum_total": 3}),
        ("multicolumn_values_to_be_equal", {"column_list": ["n", "m"]}),
        (
            "column_quantile_values_to_be_between",
            {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 9]]}},
        ),
    ],
)
@pytest.mark.parametrize("present", [3, 2, 0])
def test_missing_integers_stop_no_expectation(
    name: str, kwargs: dict[str, Any], present: int
) -> None:
    """None, one, and all of them missing."""
    values = [1, 2, 3][:present] + [None] * (3 - present)
    rows = pd.DataFrame({"n": pd.array(values, "Int64"), "m": pd.array([1, 1, 0], "Int64")})
    expectation = Expectation(expect=f"expect_{name}", kwargs=kwargs)
    (result,) = ExpectationSuites().validate([rows], [expectation])
    if name == "column_pair_values_to_be_equal" and present == 3:
        assert result.rows == (1, 2)


def test_an_argument_that_specs_may_not_set_is_named() -> None:
    """A row condition would read columns that are not handed over."""
    kwargs = {"column": "x", "row_condition": 'id=="a"', "condition_parser": "pandas"}
    expectation = Expectation(expect="expect_column_values_to_not_be_null", kwargs=kwargs)
    assert [str(one) for one in check_expectations([expectation])] == [
        "expectation 1: condition_parser: is no argument that a spec may set"
    ]


def test_every_row_level_expectation_is_tried() -> None:
    """One that a new release adds has to be sorted: by itself, or across rows."""
    kinds = (getattr(gxe, name) for name in dir(gxe) if name.startswith("Expect"))
    offered = {
        kind.expectation_type.removeprefix("expect_")
        for kind in kinds
        if issubclass(kind, ROW_LEVEL)
    }
    text_only = {
        "column_values_to_be_dateutil_parseable",
        "column_values_to_be_json_parseable",
        "column_values_to_match_json_schema",
        "column_values_to_match_strftime_format",
    }
    by_type = {"column_values_to_be_in_type_list", "column_values_to_be_of_type"}
    assert offered - BY_ROW.keys() - NOT_IN_MEMORY - text_only - by_type <= {""}
