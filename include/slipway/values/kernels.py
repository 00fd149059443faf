"""Arrow kernels that cast the plain spellings of each type, and leave all other cells null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from slipway.values.short_texts import short_integers, short_numbers
from slipway.values.text_format import BLANKS, FALSE_WORDS, TRUE_WORDS, TextFormat
from slipway.values.timestamps import EPOCH
from slipway.values.value_types import EARLIEST, LARGEST_EXACT, LARGEST_NUMBER, LATEST, ColumnType
from slipway.values.written_numbers import plain_texts

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGER = r"^-?[0-9]{1,18}$"
_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,30}([eE][+-]?[0-9]{1,2})?)?$"
_TIME = (
    r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|\+00:00)?)?$"
)
_ZONE = r"(Z|\+00:00)$"
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Return the Arrow type of a declared type."""
    import pyarrow as pa

    return {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }[kind]


def plain_array(array: pa.Array) -> pa.Array:
    """Return an array without dictionaries, extension types and other forms of plain values.

    Text that is no UTF-8 becomes bytes, of which each cell is judged by itself.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if isinstance(array.type, pa.BaseExtensionType):
        array = _stored(array)
    kind = array.type
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return array.cast(pa.float64())
    is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    is_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return _text_or_bytes(array) if any(one(kind) for one in (*is_text, *is_bytes)) else array


def _stored(array: pa.Array) -> pa.Array:
    """Stored values of an extension type; a UUID is the text that CSV and JSON have for it."""
    import pyarrow as pa

    if array.type.extension_name != "arrow.uuid":
        return array.storage
    return pa.array([None if one is None else str(one) for one in array.to_pylist()], pa.string())


def _text_or_bytes(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    raw = array.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return raw


def without_empty_texts(array: pa.Array) -> pa.Array:
    """Return an array with null in place of empty texts, which no format but CSV has as missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(array.type) or pc.min(pc.binary_length(array)).as_py() != 0:
        return array
    return _only(array, pc.not_equal(array, ""))


def _strings(array: pa.Array, _: TextFormat) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_string(array.type):
        return array
    if pa.types.is_integer(array.type) or _is_whole_decimal(array.type):
        return array.cast(pa.string())
    return _undecided(array, "string")


def _integers(array: pa.Array, fmt: TextFormat) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return array.cast(pa.int64())
    if pa.types.is_floating(kind):
        is_whole = pc.equal(pc.floor(array), array)
        is_exact = pc.less_equal(pc.abs(array), LARGEST_EXACT)
        return _only(array, pc.and_(is_whole, is_exact)).cast(pa.int64())
    if pa.types.is_string(kind) or _is_whole_decimal(kind):
        if pa.types.is_string(kind) and (short := short_integers(array)) is not None:
            return short
        text = _trimmed(array)
        if pa.types.is_string(kind) and fmt.spells_integers:
            return plain_texts(text, fmt, fractions=False).cast(pa.int64())
        return _only(text, pc.match_substring_regex(text, _INTEGER)).cast(pa.int64())
    return _undecided(array, "integer")


def _numbers(array: pa.Array, fmt: TextFormat) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_floating(kind):
        # Adding zero turns minus zero into zero.
        return pc.add(_only(array, pc.less_equal(pc.abs(array), LARGEST_NUMBER)), 0.0)
    if pa.types.is_integer(kind):
        limit = pa.scalar(LARGEST_EXACT, pa.uint64() if pa.types.is_uint64(kind) else pa.int64())
        wide = array.cast(limit.type)
        is_exact = pc.less_equal(wide, limit)
        if limit.type == pa.int64():
            is_exact = pc.and_(is_exact, pc.greater_equal(wide, -LARGEST_EXACT))
        return _only(wide, is_exact).cast(pa.float64())
    if pa.types.is_string(kind) or pa.types.is_decimal(kind):
        # What Arrow reads has a point, and neither separators nor a unit, whatever is declared.
        is_short = pa.types.is_string(kind) and fmt.decimal == "."
        if is_short and (short := short_numbers(array)) is not None:
            return short
        text = _trimmed(array)
        if pa.types.is_string(kind) and (fmt.decimal != "." or fmt.spells_integers):
            return pc.add(plain_texts(text, fmt, fractions=True).cast(pa.float64()), 0.0)
        plain = _only(text, pc.match_substring_regex(text, _NUMBER)).cast(pa.float64())
        return pc.add(_only(plain, pc.less_equal(pc.abs(plain), LARGEST_NUMBER)), 0.0)
    return _undecided(array, "number")


def _booleans(array: pa.Array, fmt: TextFormat) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(array.type):
        return array
    if pa.types.is_string(array.type):
        word = pc.utf8_lower(_trimmed(array))
        true = pc.is_in(word, pa.array(sorted(TRUE_WORDS | fmt.true)))
        false = pc.is_in(word, pa.array(sorted(FALSE_WORDS | fmt.false)))
        return _only(true, pc.or_(true, false))
    if pa.types.is_integer(array.type):
        return _only(
            pc.equal(array, pa.scalar(1, array.type)), pc.is_in(array, pa.array([0, 1], array.type))
        )
    return _undecided(array, "boolean")


def _timestamps(array: pa.Array, fmt: TextFormat) -> pa.Array:
    import pyarrow as pa

    kind = array.type
    if pa.types.is_date(kind):
        unit = "s" if pa.types.is_date32(kind) else "ms"
        return _timestamps(array.cast(pa.timestamp(unit)), fmt)
    if pa.types.is_timestamp(kind) and (kind.tz is not None or fmt.timezone is None):
        return _moments(array)
    if pa.types.is_string(kind) and fmt.timestamp is None and fmt.timezone is None:
        return _read_times(array)
    return _undecided(array, "timestamp")


def _moments(array: pa.Array) -> pa.Array:
    """Timestamps in UTC, cut to microseconds, within the years 1 to 9999."""
    import pyarrow as pa
    import pyarrow.compute as pc

    utc = arrow_type("timestamp")
    unit = array.type.unit
    counted = array.cast(pa.timestamp(unit)) if array.type.tz is None else array
    if unit == "ns":
        # Every count of nanoseconds is within the range.
        number = counted.cast(pa.timestamp("ns")).cast(pa.int64())
        whole = pc.divide(number, 1000)
        is_behind = pc.less(pc.subtract(number, pc.multiply(whole, 1000)), 0)
        return pc.subtract(whole, is_behind.cast(pa.int64())).cast(utc)
    per_count = timedelta(microseconds=_MICROSECONDS[unit])
    number = counted.cast(pa.int64())
    first, last = -((EPOCH - EARLIEST) // per_count), (LATEST - EPOCH) // per_count
    inside = pc.and_(pc.greater_equal(number, first), pc.less_equal(number, last))
    return pc.multiply(_only(number, inside), _MICROSECONDS[unit]).cast(utc)


def _read_times(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = _trimmed(array)
    plain = _only(text, pc.match_substring_regex(text, _TIME))
    without_zone = pc.replace_substring_regex(plain, _ZONE, "")
    try:
        return without_zone.cast(pa.timestamp("us")).cast(arrow_type("timestamp"))
    except pa.ArrowInvalid:
        # One of them is no day of the calendar; each is parsed by itself.
        return _undecided(array, "timestamp")


def _is_whole_decimal(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_decimal(kind)) and kind.scale == 0


def _trimmed(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.ascii_trim(array.cast(pa.string()), BLANKS)


def _only(values: pa.Array, decided: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.fill_null(decided, fill_value=False), values, pa.scalar(None, values.type))


def _undecided(array: pa.Array, kind: ColumnType) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(len(array), arrow_type(kind))


_KERNELS: Mapping[ColumnType, Callable[[pa.Array, TextFormat], pa.Array]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "timestamp": _timestamps,
}


def cast_plain(array: pa.Array, kind: ColumnType, fmt: TextFormat) -> pa.Array:
    """Return the cells whose value is certain, and null for all others.

    Args:
        array: From `plain_array`.
        kind: Declared type.
        fmt: Spelling of texts; one of its marks of missing values is never certain.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    certain = _KERNELS[kind](array, fmt)
    if not fmt.missing or not pa.types.is_string(array.type):
        return certain
    texts = array if kind == "string" else _trimmed(array)
    marks = pc.is_in(texts, pa.array(sorted(fmt.missing), pa.string()))
    return _only(certain, pc.invert(pc.fill_null(marks, fill_value=False)))
