"""Take the key and the event time from a person instead of guessing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.errors import BadParameter
from slipway.stages.profile.identity import KeyGuess, TimeGuess
from slipway.stages.profile.measured import Column, Measured

ROW, ARRIVAL = "row", "arrival"

_WHY = "it was asked for"


def told_key(measured: Measured, asked: Sequence[str]) -> KeyGuess:
    """Return the key that a person named.

    Args:
        measured: The file.
        asked: Columns that identify a row together; `row` alone: the row as a whole.

    Raises:
        BadParameter: There is no such column, one lacks values, or rows have the same key.
    """
    import pandas as pd

    if tuple(asked) == (ROW,):
        return KeyGuess((), _WHY)
    chosen = [_column(measured.columns, name, or_else=ROW) for name in asked]
    for one in chosen:
        if one.known < measured.sampled:
            raise BadParameter(
                f"{one.name} is no part of a key",
                expected="a value in every row",
                found=f"{one.missing_share:.1%} of the rows without one",
                hint=f"take other columns, or `{ROW}`: a digest of the whole row",
            )
    cells = pd.DataFrame({one.name: one.sample for one in chosen})
    repeated = int(cells.duplicated().sum())
    if repeated:
        raise BadParameter(
            f"{', '.join(asked)}: this is no key",
            expected="a value of its own in each row",
            found=f"{repeated:,} of {len(cells):,} rows repeat one",
            hint=f"add a column that tells them apart, or take `{ROW}`: a digest of the whole row",
        )
    return KeyGuess(tuple(one.name for one in chosen), _WHY)


def told_event_time(measured: Measured, asked: str) -> TimeGuess:
    """Return the event time that a person named.

    Args:
        measured: The file.
        asked: Column with the time of each row; `arrival`: that of its delivery.

    Raises:
        BadParameter: There is no such column, or it has no times.
    """
    if asked == ARRIVAL:
        return TimeGuess((), _WHY)
    column = _column(measured.columns, asked, or_else=ARRIVAL)
    if column.type != "timestamp":
        times = [name for name, one in measured.columns.items() if one.type == "timestamp"]
        raise BadParameter(
            f"{asked} is no event time",
            expected=f"a column of times: {', '.join(times) or 'this file has none'}",
            found=f"type {column.type}",
            hint=f"take one of them, or `{ARRIVAL}`: the time of its delivery",
        )
    return TimeGuess((column.name,), _WHY)


def _column(columns: Mapping[str, Column], name: str, *, or_else: str) -> Column:
    if name not in columns:
        raise BadParameter(
            f"the file has no column {name!r}",
            expected=f"one of {', '.join(columns)}, or `{or_else}`",
        )
    return columns[name]
