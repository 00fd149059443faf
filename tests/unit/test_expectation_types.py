"""Types that expectations are computed on: `slipway check` agrees with Great Expectations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest
import yaml
from great_expectations import expectations as gxe
from great_expectations.data_context.types.base import ProgressBarsConfig

from slipway.adapters.expectations.mistakes import check_expectations
from slipway.adapters.expectations.offered import offered
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.spec.expectation_types import COMPUTED_ON, not_computable
from slipway.spec.expectation_values import cast_arguments
from slipway.spec.loading import load_all
from slipway.values.value_types import ColumnType
from tests.support.small_specs import FILES
from tests.support.spec_edits import EXPECTATIONS_FILE

Make = Callable[[Mapping[str, str]], Path]

TYPES: dict[str, ColumnType] = {
    "s": "string",
    "i": "integer",
    "n": "number",
    "b": "boolean",
    "t": "timestamp",
}
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
KL = "expect_column_kl_divergence_to_be_less_than"
MATCH = "expect_column_values_to_match_regex"
BETWEEN = "expect_column_values_to_be_between"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "expect_column_value_z_scores_to_be_less_than": {"threshold": 3, "double_sided": True},
    "expect_column_values_to_match_like_pattern": {"like_pattern": "1%"},
    "expect_column_values_to_match_like_pattern_list": {"like_pattern_list": ["1%"]},
    "expect_column_values_to_match_strftime_format": {"strftime_format": "%Y"},
    "expect_column_values_to_not_be_outliers": {"method": "iqr", "multiplier": 1.5},
    "expect_column_values_to_not_match_like_pattern": {"like_pattern": "1%"},
    "expect_column_values_to_not_match_like_pattern_list": {"like_pattern_list": ["1%"]},
}


def _rows() -> pd.DataFrame:
    times = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", None], utc=True)
    return pd.DataFrame(
        {
            "s": pd.array(["1", "2", "4", None], dtype="str"),
            "i": pd.array([1, 2, 4, None], "Int64"),
            "n": [1.0, 2.0, 4.0, None],
            "b": pd.array([True, False, True, None], "boolean"),
            "t": times.astype("datetime64[us, UTC]"),
        }
    )


def _quantiles(ranges: list[list[float]], *, at: float = 0.5) -> dict[str, Any]:
    return {"quantiles": [at], "value_ranges": ranges}


def _parts(weights: list[float]) -> dict[str, Any]:
    return {"values": ["1", "2"], "weights": weights}


def _uncomputed(listed: list[tuple[str, dict[str, Any]]]) -> set[int]:
    """Positions of the expectations that Great Expectations cannot compute on the rows."""
    kinds = {one.expectation_type: one for one in vars(gxe).values() if isinstance(one, type)}
    suite = gx.ExpectationSuite(
        name="suite",
        expectations=[
            kinds[expect](**kwargs, meta={"at": at}) for at, (expect, kwargs) in enumerate(listed)
        ],
    )
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": _rows()})
    return {
        one.expectation_config.meta["at"] for one in batch.validate(suite).results if not one.result
    }


def test_the_check_says_what_great_expectations_cannot_compute() -> None:
    """Of every expectation in the table, on a column of every type."""
    listed: list[tuple[str, dict[str, Any]]] = [
        (expect, {"column": name, **ARGUMENTS.get(expect, {})})
        for expect in COMPUTED_ON
        if not expect.startswith("expect_multicolumn")
        for name in TYPES
    ]
    bins = {"bins": [0, 2, 5], "weights": [0.4, 0.6]}
    listed += [(KL, {"column": name, "partition_object": bins, "threshold": 1}) for name in TYPES]
    listed += [(PAIR, {"column_A": one, "column_B": other}) for one in TYPES for other in TYPES]
    refused = {
        at for at, (name, kwargs) in enumerate(listed) if not_computable(name, kwargs, TYPES)
    }
    assert refused == _uncomputed(listed)


EXAMPLES: dict[str, Any] = {
    "double_sided": True,
    "json_schema": {"type": "string"},
    "like_pattern": "1%",
    "like_pattern_list": ["1%"],
    "method": "iqr",
    "multiplier": 1.5,
    "regex": "1",
    "regex_list": ["1"],
    "strftime_format": "%Y",
    "sum_total": 3,
    "threshold": 1.0,
    "type_": "str",
    "type_list": ["str"],
    "value": 2,
}
"""Arguments that depend on no column."""
VALUES = {"s": "a", "i": 1, "n": 1.0, "b": True, "t": "2020-01-01"}


def _arguments(fields: set[str], column: str) -> dict[str, Any]:
    """Arguments of an expectation on one column."""
    value = VALUES[column]
    every = {
        **EXAMPLES,
        "column": column,
        "column_A": column,
        "column_B": column,
        "column_list": [column, "n" if column == "i" else "i"],
        "column_set": list(TYPES),
        "max_value": 9 if column == "s" else value,
        "partition_object": {"values": [value], "weights": [1.0]},
        "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[value, None]]},
        "value_pairs_set": [[value, value]],
        "value_set": [value],
    }
    return {name: one for name, one in every.items() if name in fields}


def _accepted() -> Iterator[Expectation]:
    """Every offered expectation on three types, as far as `slipway check` accepts it."""
    for name, kind in offered().items():
        for column in ("s", "i", "t"):
            kwargs = _arguments(set(kind.__fields__), column)
            cast, refused = cast_arguments(name, kwargs, TYPES)
            one = Expectation(expect=name, kwargs=cast)
            if not (not_computable(name, kwargs, TYPES) or refused or check_expectations([one])):
                yield one


def test_what_the_check_accepts_can_be_computed() -> None:
    """Of all that Great Expectations has, on texts of any kind and with missing values."""
    accepted = list(_accepted())
    rows = _rows().assign(s=pd.array(["a", "{", "4", None], dtype="str"))
    assert len(ExpectationSuites().validate([rows], accepted)) == len(accepted)
    assert len({one.expect for one in accepted}) > 40


def test_an_expectation_without_a_name_is_unknown() -> None:
    """The base class of all is none."""
    (mistake,) = check_expectations([Expectation(expect="", kwargs={})])
    assert "Great Expectations has no" in str(mistake)


def test_texts_are_not_added(project: Make) -> None:
    """Great Expectations joins them, which is no sum."""
    declared = yaml.safe_load(FILES["datasets/shop/dataset.yaml"])
    declared["streams"]["features"]["columns"] |= {"s": {"type": "string"}}
    written = (
        "features:\n  - expect: expect_multicolumn_sum_to_equal\n"
        "    kwargs: {column_list: [price, s], sum_total: 3}\n"
    )
    files = {
        "datasets/shop/dataset.yaml": yaml.safe_dump(declared),
        "datasets/shop/expectations.yaml": written,
    }
    (problem,) = load_all(project({**FILES, **files})).problems
    assert str(problem) == (
        f"{EXPECTATIONS_FILE}:2: features.0.expect: expect_multicolumn_sum_to_equal is computed on "
        "columns of type boolean or integer or number, not on 'price' of type number, 's' of type "
        "string"
    )


@pytest.mark.parametrize(
    ("expect", "kwargs", "reason"),
    [
        ("expect_column_values_to_match_like_pattern", {"column": "s"}, "by databases only"),
        ("expect_column_values_to_match_json_schema", {"column": "s"}, "json_parseable"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["s", "i", "s"]}, "twice"),
        ("expect_table_row_count_to_be_between", {"min_value": "2020-01-01"}, "no number"),
        ("expect_column_values_to_be_increasing", {"column": "s"}, "not on 's' of type string"),
        (PAIR, {"column_A": "t", "column_B": "n"}, "compares columns of like types"),
    ],
)
def test_the_reason_names_the_columns(expect: str, kwargs: dict[str, Any], reason: str) -> None:
    """And the types that would do."""
    assert reason in (not_computable(expect, kwargs, TYPES) or "")


QUANTILES = "expect_column_quantile_values_to_be_between"
NUMBER = {"column": "n"}


@pytest.mark.parametrize(
    ("expect", "kwargs", "reason"),
    [
        (MATCH, {"column": "s", "regex": "["}, "unterminated character set"),
        (f"{MATCH}_list", {"column": "s", "regex_list": ["a", "("]}, "missing )"),
        (BETWEEN, {**NUMBER, "min_value": 3, "max_value": 2}, "`min_value` above its `max_value`"),
        (QUANTILES, {**NUMBER, "quantile_ranges": _quantiles([[1, 2, 3]])}, "no pair of a lowest"),
        (QUANTILES, {**NUMBER, "quantile_ranges": _quantiles([[1, 2]], at=5)}, "from 0 to 1"),
        (KL, {"column": "s", "threshold": 1, "partition_object": _parts([1.0])}, "1 weights"),
        (KL, {"column": "s", "threshold": 1, "partition_object": _parts([0.9, 0.5])}, "add up to"),
    ],
)
def test_arguments_that_nothing_can_be_computed_with_are_named(
    expect: str, kwargs: dict[str, Any], reason: str
) -> None:
    """By the check, and where a spec was not checked by the run as well."""
    assert reason in (not_computable(expect, kwargs, TYPES) or "")
    with pytest.raises(SpecError) as raised:
        ExpectationSuites().validate([_rows()], [Expectation(expect=expect, kwargs=kwargs)])
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("expect", "kwargs"),
    [
        ("expect_column_mean_to_be_between", {**NUMBER, "min_value": 3, "max_value": 2}),
        (BETWEEN, {**NUMBER, "min_value": 2, "max_value": 2, "strict_max": True}),
        (QUANTILES, {**NUMBER, "quantile_ranges": _quantiles([[3, 2]])}),
        (QUANTILES, {**NUMBER, "quantile_ranges": _quantiles([[1, 2], [2, 3]])}),
    ],
)
def test_bounds_that_nothing_is_between_are_named(expect: str, kwargs: dict[str, Any]) -> None:
    """Great Expectations computes them, and no rows or all meet them."""
    assert not_computable(expect, kwargs, TYPES)


def test_times_as_bounds_are_compared_as_times(project: Make) -> None:
    """They are texts in the file."""
    written = (
        "features:\n  - expect: expect_column_values_to_be_between\n"
        "    kwargs: {column: at, min_value: 2020-01-02, max_value: '2020-01-01T12:00:00Z'}\n"
    )
    (problem,) = load_all(project({**FILES, "datasets/shop/expectations.yaml": written})).problems
    assert "above its `max_value`" in problem.summary
    assert problem.line == 2


def test_what_great_expectations_raises_is_told_by_its_class_alone() -> None:
    """Its text may quote a value."""
    schema = {"column": "s", "json_schema": {"type": "string"}}
    rows = _rows().assign(s=pd.array(["secret", "{", "4", None], dtype="str"))
    one = Expectation(expect="expect_column_values_to_match_json_schema", kwargs=schema)
    with pytest.raises(SpecError, match="JSONDecodeError, raised by") as raised:
        ExpectationSuites().validate([rows], [one])
    assert "secret" not in str(raised.value)
