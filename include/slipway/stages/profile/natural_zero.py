"""Tell whether the numbers of a column cannot fall below zero, by a sample that has none below."""

from __future__ import annotations

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import has_word

_FEWEST_ROWS = 100
"""Rows under which the shape of a sample tells nothing."""

_LOWEST, _CROWDED = 0.05, 0.1
"""This share of the values lies in that part of the range from zero on."""

_SKEWED = 1.5
"""Least ratio of the upper to the lower half of a range, both without their twentieth."""

_SIGNED = frozenset(
    {"temperature", "temp", "celsius", "fahrenheit", "degrees", "latitude", "longitude", "lat"}
    | {"lon", "lng", "long", "change", "delta", "diff", "difference", "growth", "return", "returns"}
    | {"profit", "margin", "net", "balance", "gain", "loss", "trend", "residual", "error", "offset"}
    | {"elevation", "altitude", "log", "score", "index", "skew", "shift", "deviation", "delay"}
)
"""Words of names whose quantities are negative at other times, whatever this file holds."""

_UNSIGNED = frozenset(
    {"rate", "price", "cost", "fare", "fee", "salary", "income", "wage", "amount", "weight", "mass"}
    | {"height", "length", "width", "depth", "size", "area", "volume", "distance", "radius"}
    | {
        "perimeter",
        "diameter",
        "age",
        "duration",
        "speed",
        "count",
        "share",
        "percent",
        "percentage",
    }
)
"""Words of names whose quantities are never negative, whatever the shape of their values."""


def has_natural_zero(column: Column) -> bool:
    """Return whether a column that holds no negative number is expected to hold none.

    Whole numbers count things or name them, and prices and weights are told by their names. Of
    other fractions the minimum alone is no proof: summer temperatures from 3 to 30 are centred,
    with thin tails on both sides, and go on below zero in winter. Amounts end at zero: they crowd
    in the lowest tenth of their range, or their upper tail is much longer than the lower one, which
    zero has cut.
    """
    values = column.sample.dropna()
    low, high = float(values.min()), float(values.max())
    if low < 0 or has_word(column.name, _SIGNED):
        return False
    if column.type == "integer" or low == 0:
        return True
    # Far from zero the range alone is the stricter bound.
    if has_word(column.name, _UNSIGNED):
        return low - (high - low) < 0
    if len(values) < _FEWEST_ROWS or low - (high - low) >= 0:
        return False
    first, middle, last = values.astype(float).quantile([_LOWEST, 0.5, 1 - _LOWEST])
    is_crowded = first <= _CROWDED * high
    return bool(is_crowded or last - middle >= _SKEWED * max(middle - first, 0.0) > 0)
