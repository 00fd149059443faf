"""Identity of a dataset's rows as `dataset.yaml` declares it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from slipway.spec.date_and_time import DateAndTime
from slipway.spec.identity import (
    ARRIVAL,
    ARRIVES,
    EVENT_TIME,
    KEY,
    ROW,
    Part,
    RowIdentity,
    RowKey,
    RowTime,
)
from slipway.values.date_and_time import DateAndTimeForm
from slipway.values.value_types import ColumnType


class DeclaredColumn(Protocol):
    """A declared column, reduced to what an identity asks of it."""

    @property
    def type(self) -> ColumnType:
        """Declared type."""

    @property
    def pii(self) -> str | None:
        """What the prediction log does with personal data; None: it has none."""

    @property
    def timezone(self) -> str | None:
        """Zone of times without an offset; None: UTC."""

    @property
    def in_key(self) -> bool:
        """Whether the row as a key covers it."""


def declared_identity(
    key: str | Sequence[str], event_time: str | DateAndTime, columns: Mapping[str, DeclaredColumn]
) -> RowIdentity:
    """Return the identity that a dataset declares; the columns that it names are there.

    Args:
        key: As `dataset.yaml` has it.
        event_time: As `dataset.yaml` has it.
        columns: Columns of the features.
    """
    return RowIdentity(_key(key, columns), _time(event_time, columns))


def is_key_of_row(key: str | Sequence[str], columns: Collection[str]) -> bool:
    """Whether a key says that the row as a whole is the key, and names no column."""
    return key == ROW and ROW not in columns


def is_arrival(event_time: str | DateAndTime, columns: Collection[str]) -> bool:
    """Whether an event time says that the arrival is it, and names no column."""
    return event_time == ARRIVES and ARRIVES not in columns


def covered_by_row(columns: Mapping[str, DeclaredColumn]) -> list[str]:
    """Return the columns of the features that the row as a key covers.

    Neither what is known only later, since no request could have the key then, nor personal data,
    since guesses at them could be compared with a digest that has no secret.
    """
    return [name for name, one in columns.items() if one.in_key and one.pii is None]


def _key(key: str | Sequence[str], columns: Mapping[str, DeclaredColumn]) -> RowKey:
    if is_key_of_row(key, columns):
        parts = tuple(Part(one, columns[one].type) for one in covered_by_row(columns))
        return RowKey(KEY, "string", "row", parts)
    if isinstance(key, str):
        return RowKey(key, columns[key].type)
    return RowKey(KEY, "string", "columns", tuple(Part(one, columns[one].type) for one in key))


def _time(event_time: str | DateAndTime, columns: Mapping[str, DeclaredColumn]) -> RowTime:
    if is_arrival(event_time, columns):
        return RowTime(ARRIVAL, "arrival")
    if isinstance(event_time, str):
        return RowTime(event_time)
    named = event_time.columns
    form = DateAndTimeForm(
        date_format=event_time.date_format,
        time_format=event_time.time_format,
        timezone=event_time.timezone,
        date_timezone=None if event_time.date is None else columns[event_time.date].timezone,
        parts=tuple(named),
    )
    parts = tuple(Part(name, columns[name].type) for name in named.values())
    return RowTime(EVENT_TIME, "columns", parts, form)
