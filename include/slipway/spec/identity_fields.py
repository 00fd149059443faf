"""The fields `key` and `event_time` of a dataset: their forms, and the columns that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from slipway.spec.base import SEVERAL, TEXT, SpecConflict
from slipway.spec.column_names import look_alike
from slipway.spec.date_and_time import DateAndTime
from slipway.spec.declared_identity import (
    DeclaredColumn,
    covered_by_row,
    is_arrival,
    is_key_of_row,
)
from slipway.spec.identity import ARRIVES, RowIdentity
from slipway.values.date_and_time import Part
from slipway.values.value_types import ColumnType

_DAY_TYPES: tuple[ColumnType, ...] = ("string", "integer", "timestamp")
_PART_TYPES: tuple[ColumnType, ...] = ("string", "integer")


def _form(given: Any) -> str:
    return SEVERAL if isinstance(given, list | dict | DateAndTime) else TEXT


KeyField = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[list[str], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(_form),
]
"""A column, several, or `row`."""

EventTimeField = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[DateAndTime, Tag(SEVERAL)], Discriminator(_form)
]
"""A column, several with parts of the time, or `arrival`."""


def require_key(key: str | Sequence[str], files: Sequence[Mapping[str, DeclaredColumn]]) -> None:
    """Raise unless each column of a key is in all files that have it.

    Args:
        key: As `dataset.yaml` has it.
        files: Columns of the features' files, and of those of the labels where they have their own.

    Raises:
        SpecConflict: A column is missing, or named twice; no label could be joined by the row, or
            a column is in it or not where that has no effect.
    """
    has_two_files = len(files) > 1
    _require_cover(key, files)
    if is_key_of_row(key, files[0]):
        if has_two_files:
            raise SpecConflict(
                "labels in files of their own have no row of features to be joined by",
                field=("key",),
                hint="deliver them in the features' files, as `labels: {from: features}` has it, "
                "or name columns of both streams",
            )
        return
    names = [key] if isinstance(key, str) else key
    for index, name in enumerate(names):
        field = ("key",) if isinstance(key, str) else ("key", index)
        if name in names[:index]:
            raise SpecConflict(f"{name!r} is named twice", field=field)
        for columns in files:
            if name not in columns:
                other = look_alike(name, columns)
                where = "both streams" if has_two_files else "the features"
                raise SpecConflict(
                    f"key {name!r} must be a column of {where}",
                    field=field,
                    hint=None if other is None else f"one of them has {other!r} instead",
                )


def _require_cover(key: str | Sequence[str], files: Sequence[Mapping[str, DeclaredColumn]]) -> None:
    """Raise unless what says that the row as a key leaves columns out has an effect."""
    is_row = is_key_of_row(key, files[0])
    for stream, columns in zip(("features", "labels"), files, strict=False):
        for name, column in columns.items():
            if not column.in_key and not is_row:
                raise SpecConflict(
                    "has no effect: the key names its columns, and covers no others",
                    field=("streams", stream, "columns", name, "in_key"),
                    hint="remove it; it is for `key: row`",
                )
    if is_row and not covered_by_row(files[0]):
        raise SpecConflict(
            "the row as a key covers no column",
            field=("key",),
            hint="remove `in_key: false` from the features that a request has",
        )


def require_event_time(
    event_time: str | DateAndTime, columns: Mapping[str, DeclaredColumn]
) -> None:
    """Raise unless the features have an event time's columns, in fitting types.

    Raises:
        SpecConflict: One is missing, or of another type.
    """
    if is_arrival(event_time, columns):
        return
    if isinstance(event_time, str):
        column = columns.get(event_time)
        if column is None or column.type != "timestamp":
            is_taken = event_time == ARRIVES
            raise SpecConflict(
                f"event_time {event_time!r} must be a timestamp feature column",
                field=("event_time",),
                hint=f"a column has the name {ARRIVES!r}; only without it that is the arrival of "
                "the batch"
                if is_taken
                else None,
            )
        return
    named = event_time.columns
    for part, name in named.items():
        _require_part(name, part, columns, event_time)
        if list(named.values()).count(name) > 1:
            raise SpecConflict(f"{name!r} is named twice", field=("event_time", part))
    day = event_time.date
    if event_time.date_format is not None and day and columns[day].type == "timestamp":
        raise SpecConflict(
            f"{day!r} is of type timestamp, whose form is that of the column",
            field=("event_time", "date_format"),
            hint="remove it, or declare the column `type: string`",
        )


def _require_part(
    name: str, part: Part, columns: Mapping[str, DeclaredColumn], event_time: DateAndTime
) -> None:
    field, column = ("event_time", part), columns.get(name)
    if column is None:
        other = look_alike(name, columns)
        raise SpecConflict(
            f"{name!r} must be a feature column",
            field=field,
            hint=None if other is None else f"there is {other!r}",
        )
    types = _DAY_TYPES if part == "date" else _PART_TYPES
    if column.type not in types:
        raise SpecConflict(
            f"{name!r} is of type {column.type}; expected {' or '.join(types)}",
            field=field,
            hint=_hint_for_type(column.type, part),
        )
    examples = {
        "date": (event_time.date_format, "%Y%m%d"),
        "time": (event_time.time_format, "%H%M"),
    }
    form, example = examples.get(part, ("", ""))
    if column.type == "integer" and form is None:
        raise SpecConflict(
            f"{name!r} is of type integer, whose digits can be read in several ways",
            field=field,
            hint=f"say how in `{part}_format`, such as '{example}'",
        )


def _hint_for_type(kind: ColumnType, part: Part) -> str | None:
    if kind == "timestamp":
        return "a column that has the whole time is named alone: `event_time: NAME`"
    if kind == "number" and part not in {"date", "time"}:
        return "declare it `type: integer`, which takes 5.0 as well"
    return None


def require_no_personal_identity(
    identity: RowIdentity, columns: Mapping[str, DeclaredColumn]
) -> None:
    """Raise if a column of the key or the event time holds personal data.

    Raises:
        SpecConflict: One does.
    """
    for name in (*identity.key.named, *identity.time.named):
        if columns[name].pii is not None:
            raise SpecConflict(
                f"{name!r} joins predictions to labels and may not be pii",
                field=("streams", "features", "columns", name, "pii"),
                hint="deliver a pseudonym as the key",
            )
