"""Cast columns of short plain texts as a whole, without a look at the spelling of each cell.

Arrow's own casts read the digits of a text as `parse` does, but accept more, or less exactly. Where
a column's sizes and lengths rule that out, no cell needs to be matched with a pattern first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.values.numbers import LONGEST_INTEGER
from slipway.values.value_types import LARGEST_EXACT

if TYPE_CHECKING:
    import pyarrow as pa

_SAFE_DIGITS = 18
"""Characters that no integer beyond 64 bits has room in."""


def short_integers(texts: pa.Array) -> pa.Array | None:
    """Return every text as an integer; None if one of them needs a closer look.

    Besides digits and a minus, Arrow reads hexadecimals as integers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _longest(texts) > _SAFE_DIGITS:
        return None
    if any(pc.any(pc.match_substring(texts, mark)).as_py() for mark in "xX"):
        return None
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None


def short_numbers(texts: pa.Array) -> pa.Array | None:
    """Return every text as a number; None if one of them needs a closer look.

    Besides what `parse` reads, Arrow reads NaN, infinity, integers that no float64 holds exactly,
    and integers with any number of zeros in front.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _longest(texts) > LONGEST_INTEGER:
        return None
    try:
        numbers = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    # Below 2^53, not up to it: the integer behind it is read as 2^53.
    is_exact = pc.less(pc.abs(numbers), LARGEST_EXACT)
    # Adding zero turns minus zero into zero.
    return pc.add(numbers, 0.0) if pc.all(is_exact, min_count=0).as_py() else None


def _longest(texts: pa.Array) -> int:
    """Bytes of the longest text."""
    import pyarrow.compute as pc

    return pc.max(pc.binary_length(texts)).as_py() or 0
