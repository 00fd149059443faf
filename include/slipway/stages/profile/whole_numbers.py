"""Tell counts, identifiers and parts of dates among numbers that are written as fractions.

pandas writes integers as `21926.0` as soon as one of them is missing, and R has years as doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.names import IDENTIFIERS, has_word
from slipway.stages.profile.part_names import said_part, said_span

if TYPE_CHECKING:
    import pandas as pd

_CALENDAR = frozenset({"year", "yr", "month", "week", "quarter", "day", "hour", "minute"})
_RANGES: Mapping[str, tuple[int, int]] = {
    "year": (1800, 2100),
    "month": (1, 12),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "hour": (0, 23),
    "week": (1, 53),
    "quarter": (1, 4),
}
"""Of parts that other words name; those of a minute and a second mean other things as well."""

_AMBIGUOUS = frozenset({"mm", "dia", "tag"})
"""Parts of a date as whole names; beside other words they are millimetres, diameters and tags."""

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
    if has_word(name, _CALENDAR) or _is_part(name, known):
        return True
    if has_word(name, IDENTIFIERS) or name.lower().endswith("id"):
        return True
    return len(known) >= _FEWEST and (len(known) < len(sample) or bool(known.is_unique))


def _is_part(name: str, known: pd.Series[Any]) -> bool:
    """Whether values are parts of a date, by a name in any language and by their range."""
    said = said_part(name) or said_span(name)
    if said is None or said[0] not in _RANGES or (said[1] and has_word(name, _AMBIGUOUS)):
        return False
    low, high = _RANGES[said[0]]
    return bool(known.between(low, high).all())
