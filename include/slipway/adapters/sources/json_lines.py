"""Read JSON Lines: a JSON object on each line, with exact integers of any size."""

from __future__ import annotations

import codecs
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from slipway.adapters.sources.byte_stream import open_bytes
from slipway.adapters.sources.limits import refuse_many_columns
from slipway.adapters.sources.unreadable import (
    HEAD_BYTES,
    format_of,
    is_table_text,
    not_of_format,
)
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.stages.ingest.over_limit import MIB, over_limit
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, BrokenLine, DeliveredRows

LONGEST_TEXT = 1000
"""Characters of a broken line that are kept."""

_EXACT_DIGITS = 15
"""A float holds any number of so many digits."""

_LINES_AT_ONCE, _BYTES_AT_ONCE = 16_384, 4 * 2**20
"""Objects of Python are far larger than arrays."""

_PLAIN_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}

Row = dict[str, Any]


class _NoRow(Exception):
    """A line that is no row, with the reason."""


@dataclass(frozen=True)
class JsonLines:
    """Fulfils `OpenDelivery` for JSON Lines.

    Attributes:
        path: File; `….gz` is decompressed.
        names: Keys of all objects, in the order of their first use.
        limits: Limits of a delivery.
        doubts: None: JSON is UTF-8.
        has_header_line: False: each line has the names.
        indexes: None: JSON has names only.
    """

    path: Path
    names: tuple[str, ...]
    limits: DeliveryLimits
    doubts: tuple[str, ...] = ()
    has_header_line: bool = False
    indexes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path, limits: DeliveryLimits) -> JsonLines:
        """Read the keys of a file, which has to be read to its end for them.

        Raises:
            BadBatch: No line is an object, or the file cannot be read.
            OverLimit: It has too many keys, too long a line, or is too large in sum.
        """
        names: dict[str, None] = {}
        is_row = False
        for _, _, found in _lines(path, limits):
            if not isinstance(found, BrokenLine):
                is_row = True
                names.update(dict.fromkeys(found))
                refuse_many_columns(len(names), limits)
        if not is_row:
            with open_bytes(path, limits) as stream:
                head = stream.read(HEAD_BYTES)
            if format_of(head) or is_table_text(head):
                raise not_of_format("JSON Lines", head)
            raise BadBatch(
                "the file cannot be read as JSON Lines" if head else "the file is empty",
                expected="a JSON object on each line",
                found="no line that is an object" if head else None,
                hint="an array of objects is written without brackets, one object on each line",
            )
        return cls(path, tuple(names), limits)

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on; a key that an object lacks is a missing value.

        Raises:
            BadBatch: The file cannot be read to its end.
        """
        rows: list[Row] = []
        lines: list[int] = []
        broken: list[BrokenLine] = []
        held = 0
        for line, size, found in _lines(self.path, self.limits):
            held += size
            if isinstance(found, BrokenLine):
                broken.append(found)
            else:
                rows.append(found)
                lines.append(line)
            count = len(rows) + len(broken)
            if count >= min(at_most, _LINES_AT_ONCE) or held >= _BYTES_AT_ONCE:
                yield _delivered(rows, lines, broken, columns)
                rows, lines, broken, held = [], [], [], 0
        if rows or broken:
            yield _delivered(rows, lines, broken, columns)


def _delivered(
    rows: list[Row], lines: list[int], broken: list[BrokenLine], columns: Sequence[str]
) -> DeliveredRows:
    cells = {name: _column([row.get(name) for row in rows]) for name in columns}
    return DeliveredRows(cells, len(rows), lines, tuple(broken))


def _column(cells: list[Any]) -> pa.Array | list[Any]:
    """An array where all cells are of one plain type that holds them, else the cells."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) == 1 and (kind := kinds.pop()) in _PLAIN_TYPES:
        try:
            return pa.array(cells, _PLAIN_TYPES[kind], from_pandas=False)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            return cells
    return cells


def _lines(path: Path, limits: DeliveryLimits) -> Iterator[tuple[int, int, Row | BrokenLine]]:
    """Number, size and content of each line that is not blank."""
    longest = limits.max_row_mib * MIB
    with open_bytes(path, limits) as stream:
        number = 0
        while text := stream.readline(longest):
            number += 1
            if len(text) == longest:
                found = f"a longer one in line {number}"
                raise over_limit(limits, "max_row_mib", what="MiB in a line", found=found)
            if number == 1:
                text = text.removeprefix(codecs.BOM_UTF8)
            if text.strip():
                try:
                    yield number, len(text), _row(text)
                except _NoRow as error:
                    shown = text.decode(errors="replace").rstrip("\r\n")[:LONGEST_TEXT]
                    yield number, len(text), BrokenLine(number, str(error), shown)


def _row(text: bytes) -> Row:
    try:
        value = _DECODER.decode(text.decode())
    except UnicodeDecodeError:
        raise _NoRow("has bytes that are no UTF-8") from None
    except RecursionError:
        raise _NoRow("is nested too deeply") from None
    except ValueError:
        raise _NoRow("is no JSON") from None
    if not isinstance(value, dict):
        raise _NoRow("is no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NoRow("has an object that names a key twice")
    return found


def _number(text: str) -> float | Decimal:
    """A float where it is exact, else the decimal, so that an integer written so is not rounded."""
    value = float(text)
    is_exact = len(text) <= _EXACT_DIGITS or text == repr(value)
    return value if is_exact or value == 0 or not math.isfinite(value) else Decimal(text)


def _integer(text: str) -> int | Decimal:
    """An integer; as a decimal where Python reads no integer of so many digits from a text."""
    return int(text) if len(text) <= sys.int_info.default_max_str_digits else Decimal(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=_integer)
