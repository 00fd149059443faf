"""Choose a stream's expectations from its profile: bounds and null shares with slack."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from slipway.stages.profile.categories import MOST_ONE_HOT
from slipway.stages.profile.measured import MOST_CATEGORIES, Column
from slipway.stages.profile.natural_zero import has_natural_zero
from slipway.values.figures import in_few_digits

MOST_EXPECTATIONS = 400
_NULL_SLACK = 0.1
_LONGEST_CATEGORY = 200
_MORE_CATEGORIES = 1.2


@dataclass(frozen=True)
class Expected:
    """One expectation, with why it is there.

    Attributes:
        expect: Great Expectations name.
        severity: What happens where it does not hold.
        kwargs: Its arguments.
        why: Why, for a comment.
    """

    expect: str
    severity: Literal["critical", "warning"]
    kwargs: dict[str, Any]
    why: str


def expected_of_features(columns: Iterable[Column]) -> list[Expected]:
    """Return the expectations on the features that a model uses."""
    found = [one for column in columns for one in _of_column(column)]
    return found[:MOST_EXPECTATIONS]


def expected_of_target(column: Column, *, classes: tuple[Any, ...]) -> list[Expected]:
    """Return the expectations on the target: its classes, or bounds.

    Args:
        column: Target.
        classes: Values that it may have; none for a number.
    """
    if classes and all(len(str(one)) <= _LONGEST_CATEGORY for one in classes):
        kwargs = {"column": column.name, "value_set": list(classes)}
        why = "a class that no model knows is a bad row"
        return [Expected("expect_column_values_to_be_in_set", "critical", kwargs, why)]
    return [] if classes else list(_bounds(column))


def _of_column(column: Column) -> Iterator[Expected]:
    if column.type in {"integer", "number"} and column.known:
        yield from _bounds(column)
    if column.type == "string" and 1 < column.distinct <= MOST_CATEGORIES:
        known = sorted(str(one) for one in column.counts.index)
        if all(len(one) <= _LONGEST_CATEGORY for one in known):
            kwargs = {"column": column.name, "value_set": known, "mostly": 0.95}
            why = f"{len(known)} categories are known; a new one is all zeros to the model"
            yield Expected("expect_column_values_to_be_in_set", "warning", kwargs, why)
    if column.type == "string" and MOST_CATEGORIES < column.distinct <= MOST_ONE_HOT:
        # Too many to list; their number tells `slipway check` how wide a model may become.
        most = math.ceil(_MORE_CATEGORIES * column.distinct)
        kwargs = {"column": column.name, "max_value": most}
        why = f"{column.distinct} categories are known, and some more in a delivery are no surprise"
        yield Expected("expect_column_unique_value_count_to_be_between", "warning", kwargs, why)
    share = column.missing_share
    mostly = math.floor(100 * max(0.0, 1 - 1.5 * share - _NULL_SLACK)) / 100
    if mostly > 0:
        kwargs = {"column": column.name, "mostly": mostly}
        why = (
            f"{share:.1%} are missing in this file" if share else "no value is missing in this file"
        )
        yield Expected("expect_column_values_to_not_be_null", "warning", kwargs, why)


def _bounds(column: Column) -> Iterator[Expected]:
    low, high = float(column.sample.min()), float(column.sample.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        return
    spread = max(high - low, abs(high), abs(low)) if high == low else high - low
    least = 0.0 if has_natural_zero(column) else _outward(low - spread, up=False)
    most = _outward(high + spread, up=True)
    if column.type == "integer":
        least, most = float(math.floor(least)), float(math.ceil(most))
    kwargs: dict[str, Any] = {
        "column": column.name,
        "min_value": _plain(least),
        "max_value": _plain(most),
    }
    told = f"{in_few_digits(low)} to {in_few_digits(high)}"
    why = f"{told} in this file, with as much again on each side"
    if least == 0.0 and low > 0:
        why += ", and none below 0"
    yield Expected("expect_column_values_to_be_between", "critical", kwargs, why)


def _outward(value: float, *, up: bool) -> float:
    """Return a number with two digits, away from zero or towards it, never inside the bounds."""
    if value == 0:
        return 0.0
    scale = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    steps = value / scale
    return float(f"{(math.ceil(steps) if up else math.floor(steps)) * scale:.6g}")


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value  # noqa: PLR2004
