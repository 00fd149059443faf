"""The expectations that specs may name, and which rows and columns each has to see."""

from __future__ import annotations

from functools import cache

from great_expectations import expectations as gxe
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.expectations.metadata_types import FailureSeverity

from slipway.spec import Expectation
from slipway.stages.ports.expectations import Scope

ROW_LEVEL = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
_ACROSS_ROWS = frozenset(
    {
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_not_be_outliers",
        "expect_compound_columns_to_be_unique",
    }
)
"""Row-level expectations that compare a row with the others, so that it has to see all of them."""

ABOUT_NULLS = frozenset({"expect_column_values_to_be_null", "expect_column_values_to_not_be_null"})
"""Expectations that judge missing values too."""

_ABOUT_DISTINCT_VALUES = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_unique_value_count_to_be_between",
    }
)
"""Expectations whose result does not depend on how often a value occurs."""

_ABOUT_NAMES = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
"""Expectations about the table's columns, whatever the rows."""

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@cache
def offered() -> dict[str, type[GxExpectation]]:
    """Return classes by the name that specs use, without those that query a database."""
    kinds = (getattr(gxe, name) for name in dir(gxe) if name.startswith("Expect"))
    return {
        kind.expectation_type: kind
        for kind in kinds
        if kind.expectation_type
        and "query" not in kind.expectation_type
        and "other_table" not in kind.expectation_type
    }


def build(expectation: Expectation, position: int) -> GxExpectation:
    """Return an expectation as Great Expectations has it, marked with its position."""
    kind = offered()[expectation.expect]
    return kind(
        **expectation.kwargs,
        severity=FailureSeverity(expectation.severity),
        meta={"position": position},
    )


def scope_of(expectation: Expectation) -> Scope:
    """Return which rows and columns an offered expectation has to see, by its class."""
    by_row = issubclass(offered()[expectation.expect], ROW_LEVEL)
    columns = None if expectation.expect in _ABOUT_NAMES else columns_of(expectation)
    return Scope(
        by_row,
        by_row and expectation.expect not in _ACROSS_ROWS,
        columns,
        repeats=expectation.expect == "expect_column_values_to_be_unique",
        distinct=expectation.expect in _ABOUT_DISTINCT_VALUES,
    )


def columns_of(expectation: Expectation) -> tuple[str, ...]:
    """Return the columns that an expectation refers to."""
    given = [expectation.kwargs.get(name) for name in _COLUMN_ARGUMENTS]
    several = expectation.kwargs.get("column_list") or []
    return tuple(name for name in (*given, *several) if isinstance(name, str))
