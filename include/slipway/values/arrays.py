"""Cast whole arrays to a declared type: kernels for the plain spellings, `parse` for the rest.

A kernel decides only what it is certain to decide as `parse` does; it leaves every other cell null,
and those cells are parsed one by one. So there is one definition, and it is fast on plain columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.values.bad_value import BadValue, shape_of
from slipway.values.kernels import arrow_type, cast_plain, plain_array, without_empty_texts
from slipway.values.missing_numbers import without_missing_numbers
from slipway.values.parse import parse
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.value_types import ColumnType, Value

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Refused:
    """Cells of one column that are refused for one reason.

    Attributes:
        reason: To be read after the column's name.
        hint: What would accept them.
        shape: Shape of the first of them.
        rows: Their positions.
    """

    reason: str
    hint: str | None
    shape: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class CastArray:
    """A column in its declared type.

    Attributes:
        values: Of `arrow_type`; null where the value is missing or refused.
        refused: Refused cells, by reason.
    """

    values: pa.Array
    refused: tuple[Refused, ...] = ()


def cast_array(
    given: pa.Array | Sequence[object], kind: ColumnType, fmt: TextFormat = PLAIN
) -> CastArray:
    """Cast a column, and report the cells that the type cannot hold.

    Args:
        given: Cells as a reader returns them; a sequence where they are of several types.
        kind: Declared type.
        fmt: Spelling of texts.
    """
    import pyarrow as pa

    if not isinstance(given, pa.Array):
        return _parsed(None, enumerate(given), kind, fmt, length=len(given))
    if pa.types.is_float32(given.type) or pa.types.is_float16(given.type):
        # Before they are widened: a mark has been rounded there as well.
        given = without_missing_numbers(given, fmt)
    array = without_missing_numbers(plain_array(given), fmt)
    if kind == "string":
        array = without_empty_texts(array)
    certain = cast_plain(array, kind, fmt)
    if certain.null_count == array.null_count:
        return CastArray(certain)
    left = array.is_valid().to_numpy(zero_copy_only=False) & certain.is_null().to_numpy(
        zero_copy_only=False
    )
    rows = left.nonzero()[0]
    return _parsed(certain, zip(rows.tolist(), _cells(array.take(rows)), strict=True), kind, fmt)


def _cells(array: pa.Array) -> Iterable[object]:
    """Cells as Python values; those that no Python value can hold as an exception."""
    for cell in array:
        try:
            yield cell.as_py()
        except (ValueError, OverflowError, LookupError) as error:
            yield error


def _parsed(
    certain: pa.Array | None,
    cells: Iterable[tuple[int, object]],
    kind: ColumnType,
    fmt: TextFormat,
    *,
    length: int = 0,
) -> CastArray:
    import pyarrow as pa

    values: list[Any] = [None] * length if certain is None else certain.to_pylist()
    known: dict[Any, Value | BadValue | None] = {}
    refused: dict[tuple[str, str | None], tuple[str, list[int]]] = {}
    for row, cell in cells:
        found = _remembered(known, cell, kind, fmt)
        if isinstance(found, BadValue):
            refused.setdefault((found.reason, found.hint), (_shape(cell), []))[1].append(row)
        else:
            values[row] = found
    return CastArray(
        pa.array(values, arrow_type(kind)),
        tuple(
            Refused(reason, hint, shape, tuple(rows))
            for (reason, hint), (shape, rows) in refused.items()
        ),
    )


def _shape(cell: object) -> str:
    return "a time that no calendar has" if isinstance(cell, Exception) else shape_of(cell)


def _remembered(
    known: dict[Any, Value | BadValue | None], cell: object, kind: ColumnType, fmt: TextFormat
) -> Value | BadValue | None:
    """Result of parsing a cell; equal cells of one type are parsed once."""
    try:
        name = (type(cell), cell)
        if name not in known:
            known[name] = _result(cell, kind, fmt)
        return known[name]
    except TypeError:
        return _result(cell, kind, fmt)


def _result(cell: object, kind: ColumnType, fmt: TextFormat) -> Value | BadValue | None:
    if isinstance(cell, Exception):
        return BadValue("is beyond the years 1 to 9999, or in a time zone that does not exist")
    try:
        return parse(cell, kind, fmt)
    except BadValue as refusal:
        return refusal
