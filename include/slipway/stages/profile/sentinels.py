"""Find numbers that stand for a missing value, such as -200 or -9999, by their distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_WORDS = frozenset({9, 99, 999, 9999, 99999, 999999, 200, 9999999})
_LEAST_ROWS = 3
_LEAST_SHARE = 0.002
_APART = 1.5


def find_sentinel(values: np.ndarray[Any, np.dtype[np.float64]]) -> int | None:
    """Return the number by which a column means that there is no value; None without one.

    It is one of those that people choose, the least or the greatest of the column, repeated, and
    further away from all others than these are from one another.

    Args:
        values: Numbers of a column, without missing ones.
    """
    import numpy as np

    if len(values) < _LEAST_ROWS:
        return None
    for extreme, others in (
        (values.min(), values > values.min()),
        (values.max(), values < values.max()),
    ):
        rest = values[others]
        rows = len(values) - len(rest)
        is_word = float(extreme).is_integer() and abs(int(extreme)) in _WORDS
        if not is_word or rows < max(_LEAST_ROWS, _LEAST_SHARE * len(values)) or not len(rest):
            continue
        near = float(np.min(np.abs(rest - extreme)))
        if near > _APART * float(np.ptp(rest)) and near > 1:
            return int(extreme)
    return None
