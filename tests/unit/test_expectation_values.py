"""Values in arguments of expectations: cast to the column's type, or a problem with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.spec import DatasetSpec
from slipway.spec.expectation_values import cast_arguments
from slipway.spec.loading import load_all
from slipway.values.value_types import ColumnType
from tests.fakes.plain_suites import BETWEEN, IN_SET, MEAN, ROW_COUNT
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
NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
QUANTILES = "expect_column_quantile_values_to_be_between"
PAIRS = "expect_column_pair_values_to_be_in_set"
PARTITION = "expect_column_kl_divergence_to_be_less_than"


@pytest.mark.parametrize(
    ("expect", "given", "cast"),
    [
        (BETWEEN, {"column": "t", "min_value": "2020-01-01"}, {"min_value": NEW_YEAR}),
        (BETWEEN, {"column": "t", "max_value": date(2020, 1, 1)}, {"max_value": NEW_YEAR}),
        (BETWEEN, {"column": "t", "max_value": "2020-01-01 13:00+01"}, {"max_value": NOON}),
        (BETWEEN, {"column": "i", "min_value": "5", "max_value": None}, {"min_value": 5}),
        (BETWEEN, {"column": "n", "max_value": "1e3"}, {"max_value": 1000.0}),
        (BETWEEN, {"column": "b", "min_value": "true"}, {"min_value": True}),
        (MEAN, {"column": "i", "max_value": 0.5}, {"max_value": 0.5}),
        (MEAN, {"column": "b", "max_value": "0.5"}, {"max_value": 0.5}),
        (MEAN, {"column": "t", "min_value": "2020-01-01"}, {"min_value": NEW_YEAR}),
        ("expect_column_sum_to_be_between", {"column": "i", "min_value": "7"}, {"min_value": 7.0}),
        (
            IN_SET,
            {"column": "t", "value_set": ["2020-01-01", "2020-01-01T12:00Z"]},
            {"value_set": [NEW_YEAR, NOON]},
        ),
        (
            IN_SET,
            {"column": "s", "value_set": [1, "2020-01-01", "NA", " "]},
            {"value_set": ["1", "2020-01-01", "NA", " "]},
        ),
        (IN_SET, {"column": "i", "value_set": ["1", 2, 3.0]}, {"value_set": [1, 2, 3]}),
        (IN_SET, {"column": "b", "value_set": [0, "true"]}, {"value_set": [False, True]}),
        (IN_SET, {"column": "n", "value_set": [1, "2.5"]}, {"value_set": [1.0, 2.5]}),
        (
            PAIRS,
            {"column_A": "t", "column_B": "i", "value_pairs_set": [("2020-01-01", "1")]},
            {"value_pairs_set": [[NEW_YEAR, 1]]},
        ),
        (
            QUANTILES,
            {
                "column": "t",
                "quantile_ranges": {"quantiles": [0.5], "value_ranges": [["2020-01-01", None]]},
            },
            {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[NEW_YEAR, None]]}},
        ),
        (
            PARTITION,
            {"column": "b", "partition_object": {"values": ["true"], "weights": [1]}},
            {"partition_object": {"values": [True], "weights": [1]}},
        ),
    ],
)
def test_values_are_cast_to_the_type_of_their_column(
    expect: str, given: dict[str, Any], cast: dict[str, Any]
) -> None:
    """A bound or a set holds what a delivery of the same text would hold."""
    found, refused = cast_arguments(expect, given, TYPES)
    assert refused == []
    assert found == given | cast
    types = [type(value) for name in cast for value in _flat(found[name])]
    assert types == [type(value) for one in cast.values() for value in _flat(one)]
    assert cast_arguments(expect, found, TYPES) == (found, [])


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for one in value.values() for part in _flat(one)]
    return [part for one in value for part in _flat(one)] if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("expect", "kwargs"),
    [
        (ROW_COUNT, {"min_value": 5}),
        ("expect_column_value_lengths_to_be_between", {"column": "t", "min_value": 2}),
        ("expect_column_unique_value_count_to_be_between", {"column": "t", "min_value": 2}),
        (
            "expect_column_proportion_of_unique_values_to_be_between",
            {"column": "s", "max_value": 1},
        ),
        (BETWEEN, {"column": "t", "strict_min": True, "mostly": 0.9}),
        ("expect_column_values_to_match_regex", {"column": "t", "regex": "2020"}),
        (BETWEEN, {"column": "nowhere", "min_value": "far"}),
        (IN_SET, {"column": "t", "value_set": "2020-01-01"}),
    ],
)
def test_arguments_without_values_are_left_alone(expect: str, kwargs: dict[str, Any]) -> None:
    """Counts, lengths, shares, flags and patterns are not of the column's type."""
    assert cast_arguments(expect, kwargs, TYPES) == (kwargs, [])


@pytest.mark.parametrize(
    ("expect", "kwargs", "where", "reason"),
    [
        (BETWEEN, "{column: t, min_value: now}", "min_value", "given 'now', which is no ISO 8601"),
        (BETWEEN, "{column: t, max_value: '2024'}", "max_value", "'t' is of type timestamp"),
        (BETWEEN, "{column: t, min_value: 2020-W01-1}", "min_value", "is no ISO 8601"),
        (BETWEEN, "{column: i, min_value: 0.5}", "min_value", "which has a fraction part"),
        (BETWEEN, "{column: i, max_value: 9007199254740993}", "max_value", "beyond 2^53"),
        (BETWEEN, "{column: i, min_value: {$PARAMETER: x}}", "min_value", "is no integer"),
        (BETWEEN, "{column: n, min_value: '1,5'}", "min_value", "has a comma"),
        (BETWEEN, "{column: n, max_value: 1e31}", "max_value", "is beyond"),
        (BETWEEN, "{column: n, min_value: true}", "min_value", "is a boolean, not a number"),
        (BETWEEN, "{column: n, min_value: NA}", "min_value", "means a missing value"),
        (BETWEEN, "{column: s, min_value: a}", "min_value", "texts have no bounds"),
        (MEAN, "{column: s, min_value: 1}", "min_value", "texts have no bounds"),
        (IN_SET, "{column: i, value_set: [1, one]}", "value_set.1", "is no integer"),
        (IN_SET, "{column: s, value_set: [a, true]}", "value_set.1", "is a boolean, not a text"),
        (IN_SET, "{column: s, value_set: [a, null]}", "value_set.1", "means a missing value"),
        (IN_SET, "{column: s, value_set: [a, '']}", "value_set.1", "means a missing value"),
        (IN_SET, "{column: t, value_set: [2020-02-30]}", "value_set.0", "that does not exist"),
        (
            "expect_column_stdev_to_be_between",
            "{column: t, max_value: 1}",
            "max_value",
            "is a bound of a number",
        ),
        (
            PAIRS,
            "{column_A: s, column_B: i, value_pairs_set: [[a, 1], [b, two]]}",
            "value_pairs_set.1.1",
            "'i' is of type integer",
        ),
    ],
)
def test_a_value_that_the_type_cannot_hold_is_a_problem_with_its_line(
    project: Make, expect: str, kwargs: str, where: str, reason: str
) -> None:
    """It has the argument's line, the value, the reason, the column's type and a hint."""
    declared = yaml.safe_load(FILES["datasets/shop/dataset.yaml"])
    columns = declared["streams"]["features"]["columns"]
    columns |= {name: {"type": kind} for name, kind in TYPES.items()}
    written = f"features:\n  - expect: {expect}\n    kwargs: {kwargs}\n"
    files = {
        "datasets/shop/dataset.yaml": yaml.safe_dump(declared),
        "datasets/shop/expectations.yaml": written,
    }
    loaded = load_all(project({**FILES, **files}))
    (problem,) = loaded.problems
    assert (problem.file, problem.line) == (EXPECTATIONS_FILE, 3)
    assert problem.field == f"features.0.kwargs.{where}"
    assert reason in problem.summary
    assert problem.hint is not None
    assert list(loaded.datasets) == []


def test_long_integers_stay_exact(project: Make) -> None:
    """A set of identifiers of 19 digits, and of more in a string column, is what is written."""
    declared = yaml.safe_load(FILES["datasets/shop/dataset.yaml"])
    declared["streams"]["features"]["columns"] |= {"i": {"type": "integer"}}
    sets = {"i": "1234567890123456789", "kind": "12345678901234567890123"}
    listed = [
        f"  - expect: {IN_SET}\n    kwargs: {{column: {name}, value_set: [{value}]}}\n"
        for name, value in sets.items()
    ]
    files = {
        "datasets/shop/dataset.yaml": yaml.safe_dump(declared),
        "datasets/shop/expectations.yaml": "".join(["features:\n", *listed]),
    }
    loaded = load_all(project({**FILES, **files}))
    assert loaded.problems == ()
    numbers, texts = loaded.datasets["shop"].expectations["features"]
    assert numbers.kwargs["value_set"] == [1234567890123456789]
    assert texts.kwargs["value_set"] == ["12345678901234567890123"]


def test_a_spec_without_valid_streams_has_one_problem(project: Make) -> None:
    """Arguments are not judged by types that are not known."""
    text = FILES["datasets/shop/dataset.yaml"].replace("type: number", "type: numbr")
    loaded = load_all(project({**FILES, "datasets/shop/dataset.yaml": text}))
    (problem,) = loaded.problems
    assert problem.nearest == "number"


def test_specs_made_in_python_are_cast_too() -> None:
    """The cast belongs to the spec, not to its file."""
    declared = yaml.safe_load(FILES["datasets/shop/dataset.yaml"])
    listed = [{"expect": BETWEEN, "kwargs": {"column": "at", "min_value": "2020-01-01"}}]
    spec = DatasetSpec.model_validate({**declared, "expectations": {"features": listed}})
    assert spec.expectations["features"][0].kwargs["min_value"] == NEW_YEAR
    assert DatasetSpec.model_validate(spec.model_dump()) == spec
