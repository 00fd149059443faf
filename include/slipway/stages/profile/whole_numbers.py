"""Tell counts, identifiers and parts of dates among numbers that are written as fractions.

pandas writes integers as `21926.0` as soon as one of them is missing, and R has years as doubles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.stages.profile.names import IDENTIFIERS, has_word

if TYPE_CHECKING:
    import pandas as pd

_CALENDAR = frozenset({"year", "yr", "month", "week", "quarter", "day", "hour", "minute"})
_LARGEST = 2**53
_FEWEST = 50
"""Whole values from which on it is no chance that none has a fraction."""


def are_integers(name: str, sample: pd.Series[Any]) -> bool:
    """Return whether a column of numbers is one of integers.

    None has a fraction, and more speaks for it: values are missing, so pandas could not write
    integers; each is a value of its own; or the name is that of an identifier or a part of a date.
    Others stay numbers: measured values may all be whole for a while.

    Args:
        name: Name of the column.
        sample: Its values, missing ones among them.
    """
    known = sample.dropna()
    if known.empty or not bool(((known % 1 == 0) & (known.abs() < _LARGEST)).all()):
        return False
    if has_word(name, _CALENDAR) or has_word(name, IDENTIFIERS) or name.lower().endswith("id"):
        return True
    return len(known) >= _FEWEST and (len(known) < len(sample) or bool(known.is_unique))
