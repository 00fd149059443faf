"""What the fast check accepts of each column, and reads exactly as its declared type is parsed.

A reader returns None for values that it does not decide; they get the full check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import (
    INTEGER_MAX,
    INTEGER_MIN,
    LARGEST_EXACT,
    LARGEST_NUMBER,
    ColumnType,
)

Read = Callable[[list[Any]], list[Any] | None]

NOTHING: frozenset[type] = frozenset({type(None)})
_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII).fullmatch
_WORDS = frozenset({"true", "false", None})
_WORD_OF = {True: "true", False: "false", None: None}
_NUMBER_OF = {True: 1, False: 0, None: None}


class FastColumn(NamedTuple):
    """Value types of a datatype that the fast check accepts.

    Attributes:
        types: Python types of the values.
        cell: Type of a value for a parser that checks it, and accepts no more than `read` does.
        read: Returns the values as the model takes them; None: they are taken as they are.
        read_cells: The same of values that such a parser has checked.
    """

    types: frozenset[type]
    cell: Any
    read: Read | None = None
    read_cells: Read | None = None


def fast_column(column: RawColumn) -> Mapping[str, FastColumn]:
    """What is accepted of a column, by datatype."""
    accepted = (_BY_KIND if column.type is None else _BY_TYPE).get((column.type, column.kind), {})
    if column.required:
        return accepted
    return {
        datatype: one._replace(types=one.types | NOTHING, cell=one.cell | None)
        for datatype, one in accepted.items()
    }


def fast_key(kind: ColumnType | None) -> Mapping[str, FastColumn]:
    """What is accepted of a key by its declared type; of an event time, too, without a type."""
    accepted = _BY_KIND if kind is None else _BY_TYPE
    return accepted.get((kind, "string"), {})


def _numbers(data: list[Any]) -> list[Any] | None:
    if len(data) == 1:
        number = data[0]
        if number is None or 0.0 < number <= LARGEST_NUMBER or -LARGEST_NUMBER <= number < 0.0:
            return data
        # Minus zero becomes zero.
        return [0.0] if number == 0.0 else None
    present = [number for number in data if number is not None] if None in data else data
    low = min(present, default=0.0)
    if low < -LARGEST_NUMBER or max(present, default=0.0) > LARGEST_NUMBER:
        return None
    if low > 0.0 or 0.0 not in present:
        return data
    return [None if number is None else number + 0.0 for number in data]


def _without_minus_zero(data: list[Any]) -> list[Any]:
    if 0.0 not in data:
        return data
    return [None if number is None else number + 0.0 for number in data]


def _whole_floats(data: list[Any]) -> list[Any] | None:
    for number in data:
        if number is not None and not (
            -LARGEST_EXACT <= number <= LARGEST_EXACT and number.is_integer()
        ):
            return None
    return data


def _integers(data: list[Any]) -> list[Any] | None:
    present = [number for number in data if number is not None] if None in data else data
    is_inside = not present or (min(present) >= INTEGER_MIN and max(present) <= INTEGER_MAX)
    return data if is_inside else None


def _digits(data: list[Any]) -> list[Any] | None:
    if _integers(data) is None:
        return None
    return [None if number is None else str(number) for number in data]


def _canonical_digits(data: list[Any]) -> list[Any] | None:
    return data if all(text is None or _DIGITS(text) for text in data) else None


def _not_empty(data: list[Any]) -> list[Any] | None:
    return None if "" in data else data


def _canonical_words(data: list[Any]) -> list[Any] | None:
    return data if _WORDS.issuperset(data) else None


def _words(data: list[Any]) -> list[Any]:
    return [_WORD_OF[value] for value in data]


def _zeros_and_ones(data: list[Any]) -> list[Any]:
    return [_NUMBER_OF[value] for value in data]


_FLOAT: frozenset[type] = frozenset({float})
_INT: frozenset[type] = frozenset({int})
_BOOL: frozenset[type] = frozenset({bool})
_TEXT: frozenset[type] = frozenset({str})

# A parser reads an integer as a float, which is exact within these bounds; the first that is not
# exact is read as the bound.
_FLOAT_CELL = Annotated[float, msgspec.Meta(gt=-float(LARGEST_EXACT), lt=float(LARGEST_EXACT))]
_INT_CELL = Annotated[int, msgspec.Meta(ge=INTEGER_MIN, le=INTEGER_MAX)]
_TEXT_CELL = Annotated[str, msgspec.Meta(min_length=1)]
_WORD_CELL = Literal["true", "false"]

_Accepted = Mapping[tuple[ColumnType | None, str], Mapping[str, FastColumn]]
_BY_KIND: _Accepted = {
    (None, "number"): {"FP64": FastColumn(_FLOAT, _FLOAT_CELL)},
    (None, "string"): {"BYTES": FastColumn(_TEXT, str)},
}
_BY_TYPE: _Accepted = {
    ("number", "number"): {"FP64": FastColumn(_FLOAT, _FLOAT_CELL, _numbers, _without_minus_zero)},
    ("integer", "number"): {
        "INT64": FastColumn(_INT, _INT_CELL, _integers),
        "FP64": FastColumn(_FLOAT, _FLOAT_CELL, _whole_floats, _whole_floats),
    },
    ("boolean", "number"): {"BOOL": FastColumn(_BOOL, bool, _zeros_and_ones, _zeros_and_ones)},
    ("string", "string"): {"BYTES": FastColumn(_TEXT, _TEXT_CELL, _not_empty)},
    ("integer", "string"): {
        "INT64": FastColumn(_INT, _INT_CELL, _digits, _digits),
        "BYTES": FastColumn(_TEXT, str, _canonical_digits, _canonical_digits),
    },
    ("boolean", "string"): {
        "BOOL": FastColumn(_BOOL, bool, _words, _words),
        "BYTES": FastColumn(_TEXT, _WORD_CELL, _canonical_words),
    },
}
