"""Take the key and the event time from a person instead of guessing them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from slipway.errors import BadParameter
from slipway.stages.profile.event_time import TimeGuess, guess_event_time
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.measured import Column, Measured

ROW, ARRIVAL = "row", "arrival"

_WHY = "it was asked for"


def require_named(names: Collection[str], *, key: Sequence[str], event_time: Sequence[str]) -> None:
    """Raise unless a file has the columns that a person named.

    Args:
        names: Columns of the file.
        key: Columns of the key; `row` alone: the row as a whole.
        event_time: Columns of the event time; `arrival` alone: that of the delivery.

    Raises:
        BadParameter: It lacks one.
    """
    for asked, word in ((key, ROW), (event_time, ARRIVAL)):
        for name in asked if tuple(asked) != (word,) else ():
            _require_column(names, name, or_else=word)


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


def told_event_time(measured: Measured, asked: Sequence[str]) -> TimeGuess:
    """Return the event time that a person named.

    Args:
        measured: The file.
        asked: Column with the time of each row, or several with parts of it; `arrival` alone:
            that of its delivery.

    Raises:
        BadParameter: There is no such column, or they have no times.
    """
    if tuple(asked) == (ARRIVAL,):
        return TimeGuess((), _WHY)
    chosen = {name: _column(measured.columns, name, or_else=ARRIVAL) for name in asked}
    if [one.type for one in chosen.values()] == ["timestamp"]:
        return TimeGuess(tuple(chosen), _WHY)
    guess = guess_event_time(chosen, but=(), is_told=True)
    if not guess.parts or set(guess.columns) != set(chosen):
        times = [name for name, one in measured.columns.items() if one.type == "timestamp"]
        types = ", ".join(one.type for one in chosen.values())
        raise BadParameter(
            f"{', '.join(chosen)} is no event time",
            expected=f"a column of times: {', '.join(times) or 'this file has none'}; or columns "
            "of its year, month, day, hour and minute that are named so",
            found=f"type {types}",
            hint=f"take one of them, or `{ARRIVAL}`: the time of its delivery",
        )
    return replace(guess, why=_WHY)


def _column(columns: Mapping[str, Column], name: str, *, or_else: str) -> Column:
    _require_column(columns, name, or_else=or_else)
    return columns[name]


def _require_column(names: Collection[str], name: str, *, or_else: str) -> None:
    if name not in names:
        raise BadParameter(
            f"the file has no column {name!r}",
            expected=f"one of {', '.join(names)}, or `{or_else}`",
        )
