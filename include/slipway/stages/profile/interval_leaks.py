"""Find numbers whose intervals are the classes of the target, as a weight is of "low weight"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.stages.profile.measured import Column

_FEWEST = 30
_FEWEST_OF_A_CLASS = 5
_MOST_NAMED = 4
"""Classes whose intervals are all named."""


def interval_leaks(columns: Mapping[str, Column], target: Column) -> dict[str, str]:
    """Return the columns of which each class of the target has an interval of its own.

    A measured cause leaves a few rows on the wrong side of any threshold; where there is none at
    all, the target was most likely made of the column.

    Args:
        columns: Candidates for features.
        target: Target, of classes.
    """
    found = {
        name: _intervals(one, target)
        for name, one in columns.items()
        if one.type in {"integer", "number"}
    }
    return {name: _told(intervals) for name, intervals in found.items() if intervals}


def _intervals(column: Column, target: Column) -> list[tuple[Any, float, float]]:
    """Each class with its least and its greatest number, in their order; none if they overlap."""
    import pandas as pd

    both = pd.DataFrame({"x": column.sample, "y": target.sample}).dropna()
    if len(both) < _FEWEST:
        return []
    spans = both.groupby("y", observed=True)["x"].agg(["min", "max", "size"]).sort_values("min")
    if len(spans) < 2 or spans["size"].min() < _FEWEST_OF_A_CLASS:  # noqa: PLR2004 - two classes
        return []
    if not bool((spans["min"].iloc[1:].to_numpy() > spans["max"].iloc[:-1].to_numpy()).all()):
        return []
    return [(name, float(low), float(high)) for name, low, high, _ in spans.itertuples()]


def _told(intervals: list[tuple[Any, float, float]]) -> str:
    if len(intervals) > _MOST_NAMED:
        return f"each of the {len(intervals)} classes has an interval of it, without an error"
    (first, _, end), (last, start, _) = intervals[0], intervals[-1]
    between = [f"{_label(one)} from {low:g} to {high:g}" for one, low, high in intervals[1:-1]]
    parts = [f"{_label(first)} up to {end:g}", *between, f"{_label(last)} from {start:g}"]
    how = "a threshold tells" if len(intervals) == 2 else "intervals tell"  # noqa: PLR2004
    return f"{how} each class without an error: {', '.join(parts)}"


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
