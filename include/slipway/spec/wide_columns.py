"""One-hot encoded columns with very many categories, as far as the specs tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.spec.dataset import DatasetSpec
from slipway.spec.known_values import SETS
from slipway.spec.model import ModelSpec

WIDE = 1000
"""Categories of a one-hot encoded column, or of all together, above which there is a warning."""

_NAMED = 3

GROUP_THEM = (
    "group rare ones with `features.encoding: {rare_below: 0.01}`, or encode them by `target`, or "
    "by XGBoost's own `native`"
)

_BETWEEN = "expect_column_values_to_be_between"
_COUNT = "expect_column_unique_value_count_to_be_between"


def is_one_hot(spec: ModelSpec, name: str) -> bool:
    """Return whether each category of a column has a prepared feature of its own."""
    encoding = spec.features.encodings.get(name, spec.features.encoding)
    return encoding.method == "one_hot" and encoding.rare_below is None


def expected_categories(dataset: DatasetSpec, name: str) -> int | None:
    """Return how many categories the expectations allow in a feature; None: they do not tell."""
    column = dataset.streams.features.columns.get(name)
    is_integer = column is not None and column.type == "integer"
    bounds = [
        most
        for one in dataset.expectations.get("features", ())
        if one.kwargs.get("column") == name and "row_condition" not in one.kwargs
        if (most := _most(one.expect, one.kwargs, is_integer=is_integer)) is not None
    ]
    return min(bounds, default=None)


def wide_warnings(spec: ModelSpec, dataset: DatasetSpec) -> Iterator[str]:
    """Yield a warning for each column that may become very wide, and for all others together.

    Args:
        spec: Model.
        dataset: Its dataset.
    """
    expected = {
        name: most
        for name in spec.features.categorical
        if is_one_hot(spec, name) and (most := expected_categories(dataset, name)) is not None
    }
    alone, together = _by_width(expected)
    for name, most in alone.items():
        yield (
            f"features.categorical: {name} may have {most:,} categories by its expectations, "
            f"each of them a prepared feature; {GROUP_THEM}"
        )
    if together:
        yield (
            f"features.categorical: {_named(together)} may have {sum(together.values()):,} "
            "categories together by their expectations, each of them a prepared feature; "
            f"{GROUP_THEM}"
        )


def wide_of(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the columns that make a fit wide: alone, or together with all others.

    Args:
        sizes: Number of categories of each one-hot encoded column.
    """
    alone, together = _by_width(sizes)
    return alone | together


def describe_wide(columns: Mapping[str, int]) -> str:
    """Return which columns have how many categories, in words.

    Args:
        columns: What `wide_of` returned.
    """
    alone, together = _by_width(columns)
    told = [f"{name} has {size:,} categories" for name, size in alone.items()]
    if together:
        told.append(f"{_named(together)} have {sum(together.values()):,} categories together")
    return ", ".join(told)


def _by_width(sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Columns that are wide alone, and those that are wide together, the largest first."""
    ranked = dict(sorted(sizes.items(), key=lambda one: -one[1]))
    alone = {name: size for name, size in ranked.items() if size > WIDE}
    rest = {name: size for name, size in ranked.items() if size <= WIDE}
    return alone, rest if sum(rest.values()) > WIDE else {}


def _named(columns: Mapping[str, int]) -> str:
    *first, last = list(columns)[:_NAMED]
    more = len(columns) - _NAMED
    if more > 0:
        return f"{', '.join([*first, last])} and {more:,} more"
    return f"{', '.join(first)} and {last}"


def _most(expect: str, kwargs: Mapping[str, Any], *, is_integer: bool) -> int | None:
    """The largest number of categories that pass an expectation."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if expect in SETS:
        values = kwargs.get("value_set")
        return len(set(map(str, values))) if isinstance(values, list) else None
    if expect == _COUNT:
        return int(high) if isinstance(high, int | float) else None
    if expect == _BETWEEN and is_integer and isinstance(low, int) and isinstance(high, int):
        return high - low + 1
    return None
