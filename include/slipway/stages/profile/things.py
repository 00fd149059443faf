"""Tell columns that say what a row is about, and those that one of them determines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.stages.profile.identifier_names import strength
from slipway.stages.profile.measured import Column

_FEWEST_THINGS = 10
_MOST_THINGS = 10
_ROWS_OF_A_THING = 2
_MOST_ROWS = 20_000


def things_of(columns: Mapping[str, Column]) -> list[Column]:
    """Return the columns that name things with several rows each, as countries of a panel."""
    return [
        one
        for one in columns.values()
        if (one.type == "string" or (one.type == "integer" and strength(one)))
        and _FEWEST_THINGS < one.distinct <= one.known / _ROWS_OF_A_THING
    ][:_MOST_THINGS]


def tells_of_a_thing(column: Column, things: Sequence[Column]) -> bool:
    """Return whether each value of another column has one value of this one, as a country's code.

    It is told by the thing, whatever else is known, so predicting it is no task.

    Args:
        column: Column that may be predicted.
        things: Columns that name things; see `things_of`.
    """
    return any(_determines(one, column) for one in things if one.name != column.name)


def _determines(thing: Column, column: Column) -> bool:
    import pandas as pd

    both = pd.DataFrame({"thing": thing.sample, "x": column.sample})[:_MOST_ROWS].dropna()
    if len(both) < _ROWS_OF_A_THING * _FEWEST_THINGS:
        return False
    pairs = both.drop_duplicates()
    return len(pairs) == both["thing"].nunique() and column.distinct > 1
