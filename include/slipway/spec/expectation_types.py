"""Types of columns that each expectation can be computed on, where not on all.

As Great Expectations computes on frames: found out at `slipway check`, and not with the first
delivery.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from slipway.spec.expectation_arguments import argument_faults
from slipway.values.value_types import ColumnType

Types = frozenset[ColumnType]

_TEXTS: Types = frozenset({"string"})
_NUMBERS: Types = frozenset({"integer", "number"})
_ADDED: Types = _NUMBERS | {"boolean"}
_ORDERED: Types = _ADDED | {"timestamp"}
_NONE: Types = frozenset()

COMPUTED_ON: Mapping[str, Types] = {
    "expect_column_value_z_scores_to_be_less_than": _ORDERED,
    "expect_column_values_to_be_dateutil_parseable": _TEXTS,
    "expect_column_values_to_be_decreasing": _ORDERED,
    "expect_column_values_to_be_increasing": _ORDERED,
    "expect_column_values_to_match_like_pattern": _NONE,
    "expect_column_values_to_match_like_pattern_list": _NONE,
    "expect_column_values_to_match_strftime_format": _TEXTS,
    "expect_column_values_to_not_be_outliers": _NUMBERS,
    "expect_column_values_to_not_match_like_pattern": _NONE,
    "expect_column_values_to_not_match_like_pattern_list": _NONE,
    "expect_multicolumn_sum_to_equal": _ADDED,
}
"""Types by expectation; `_NONE`: only databases compute it."""

_ONLY_ON_SOME_TEXTS: Mapping[str, str] = {
    "expect_column_values_to_match_json_schema": (
        "cannot be computed as soon as one text is no JSON; use "
        "expect_column_values_to_be_json_parseable or a regex"
    ),
}
"""Expectations that fail on a value instead of judging it, with what does judge."""

_COUNTED = ("_count_to_be_between", "_lengths_to_be_between", "_proportion_of_")

_COMPARED = "expect_column_pair_values_a_to_be_greater_than_b"
_COMPARABLE: Sequence[Types] = (_ADDED, _TEXTS, frozenset({"timestamp"}))


def not_computable(
    expect: str, kwargs: Mapping[str, Any], types: Mapping[str, ColumnType]
) -> str | None:
    """Return why an expectation cannot be computed on its columns, or None.

    Args:
        expect: Great Expectations name.
        kwargs: Its arguments.
        types: Declared types of the stream's columns, by name.
    """
    reasons = chain(_about_arguments(expect, kwargs), _about_types(expect, kwargs, types))
    return next(reasons, None)


def _about_arguments(expect: str, kwargs: Mapping[str, Any]) -> Iterator[str]:
    yield from argument_faults(kwargs)
    listed = kwargs.get("column_list")
    if isinstance(listed, list) and len({str(one) for one in listed}) < len(listed):
        yield "names a column twice in `column_list`"
    if any(part in expect for part in _COUNTED):
        bounds = [kwargs.get(name) for name in ("min_value", "max_value")]
        if any(one is not None and not isinstance(one, int | float) for one in bounds):
            yield "has a bound that is no number, and counts are compared with it"
    if expect in _ONLY_ON_SOME_TEXTS:
        yield _ONLY_ON_SOME_TEXTS[expect]


def _about_types(
    expect: str, kwargs: Mapping[str, Any], types: Mapping[str, ColumnType]
) -> Iterator[str]:
    allowed = COMPUTED_ON.get(expect)
    if allowed == _NONE:
        yield "is computed by databases only; use a regex"
    given = {name: types[name] for name in _columns(kwargs) if name in types}
    told = ", ".join(f"{name!r} of type {kind}" for name, kind in given.items())
    if allowed is not None and not allowed.issuperset(given.values()):
        yield f"is computed on columns of type {' or '.join(sorted(allowed))}, not on {told}"
    if expect == _COMPARED and not any(one.issuperset(given.values()) for one in _COMPARABLE):
        yield f"compares columns of like types, not {told}"
    partition = kwargs.get("partition_object")
    if isinstance(partition, dict) and "bins" in partition and set(given.values()) != {"number"}:
        yield f"has bins, which are computed on columns of type number, not on {told}"


def _columns(kwargs: Mapping[str, Any]) -> Iterator[str]:
    listed = kwargs.get("column_list")
    named = [kwargs.get(name) for name in ("column", "column_A", "column_B")]
    for name in (*named, *(listed if isinstance(listed, list) else ())):
        if isinstance(name, str):
            yield name
