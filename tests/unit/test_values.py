"""Values: one definition of each declared type, for single values and for whole arrays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slipway.values.arrays import cast_array
from slipway.values.bad_value import BadValue, shape_of
from slipway.values.parse import parse
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.value_types import ColumnType, canonical_text

KINDS: tuple[ColumnType, ...] = get_args(ColumnType)
EUROPEAN = TextFormat(
    decimal=",", thousands=".", missing=frozenset({"?"}), timezone="Europe/Berlin"
)
MARKS = TextFormat(missing=frozenset({"1", "-999", "true", "2013-01-01", "NA", ""}))
NOON = datetime(2013, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "007", "007"),
        ("string", " x\u00a0", " x\u00a0"),
        ("string", "NA", "NA"),
        ("string", 2**64 - 1, "18446744073709551615"),
        ("string", Decimal(123456789012345678901234567890), "123456789012345678901234567890"),
        ("string", "e\u0301", "e\u0301"),
        ("integer", "1234567890123456789", 1234567890123456789),
        ("integer", "+5", 5),
        ("integer", "-0008.00", -8),
        ("integer", 2.0**53, 2**53),
        ("integer", Decimal("7.00"), 7),
        ("integer", float("nan"), None),
        ("number", "-0", 0.0),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("number", str(2**53), 2.0**53),
        ("number", "9007199254740993.0", 9007199254740992.0),
        ("number", 2**60, 2.0**60),
        ("number", Decimal("0.1"), 0.1),
        ("number", " NaN ", None),
        ("boolean", "TRUE", True),
        ("boolean", 0.0, False),
        ("boolean", Decimal(1), True),
        ("timestamp", "2013-05-01T14:00:00+02:00", NOON),
        ("timestamp", "2013-05-01 12:00:00 UTC", NOON),
        ("timestamp", "2013-05-01 12:00", NOON),
        ("timestamp", "2013-05-01T12:00:00.0000009Z", NOON),
        ("timestamp", date(2013, 5, 1), NOON - timedelta(hours=12)),
        ("timestamp", datetime(2013, 5, 1, 12), NOON),  # noqa: DTZ001 - as Parquet has it
        ("timestamp", "NaT", None),
    ],
)
def test_a_value_in_its_canonical_form(kind: ColumnType, value: object, expected: Any) -> None:
    """The same value, however it is spelt."""
    found = parse(value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("string", 7.0, "is a number with a fraction part, not a text"),
        ("string", True, "is a boolean, not a text"),
        ("string", "\ud800", "has half of a surrogate pair, which is no Unicode text"),
        ("string", b"\xff", "has bytes that are no UTF-8"),
        ("string", [1], "is no text"),
        ("integer", "5.5", "has a fraction part, so it is no integer"),
        ("integer", "1e3", "is no integer"),
        ("integer", ".", "looks like a mark for a missing value"),
        ("integer", True, "is a boolean, not an integer"),
        ("integer", 2**63, "is an integer beyond 64 bits"),
        ("integer", "9" * 5000, "is an integer beyond 64 bits"),
        ("integer", 2.0**53 + 2, "is a float beyond 2^53, where integers are not exact"),
        ("integer", "5\u00a0", "has a blank that is no plain space, such as a no-break space"),
        ("integer", "\u0665", "is no integer"),
        ("number", "1,5", "has a comma where a decimal point is expected"),
        ("number", "1,234,567.5", "has separators between thousands"),
        ("number", "?", "looks like a mark for a missing value"),
        ("number", "12 mi", "is no number"),
        ("number", -3.4e38, "is beyond \u00b11e30"),
        ("number", "1e999", "is beyond \u00b11e30"),
        ("number", "-Infinity", "is beyond \u00b11e30"),
        ("number", -(2**53) - 1, "is an integer beyond 2^53 that no number holds exactly"),
        ("number", str(2**53 + 1), "is an integer beyond 2^53 that no number holds exactly"),
        ("number", 10**400, "is beyond \u00b11e30"),
        ("number", "9" * 5000, "is beyond \u00b11e30"),
        ("boolean", "yes", "is no boolean"),
        ("boolean", 2, "is a number other than 0 and 1, not a boolean"),
        ("timestamp", "now", "is no ISO 8601 date with a time"),
        ("timestamp", "2024", "is no ISO 8601 date with a time"),
        ("timestamp", "2024-03", "is no ISO 8601 date with a time"),
        ("timestamp", "2013-W18-3", "is no ISO 8601 date with a time"),
        ("timestamp", "2013-02-30", "names a day or a time that does not exist"),
        ("timestamp", "2016-12-31T23:59:60Z", "is a leap second, which no clock here has"),
        ("timestamp", "0000-01-01", "names a day or a time that does not exist"),
        ("timestamp", "0001-01-01T00:00+14:00", "is beyond the years 1 to 9999 in UTC"),
        ("timestamp", "2013-05-01T00:00+25:00", "names a day or a time that does not exist"),
        ("timestamp", 20130501, "is no date with a time"),
    ],
)
def test_a_refused_value(kind: ColumnType, value: object, reason: str) -> None:
    """The reason names what is wrong, and never the value."""
    with pytest.raises(BadValue) as caught:
        parse(value, kind)
    assert caught.value.reason == reason


def test_spelling_of_texts() -> None:
    """Decimal comma, thousands, marks of missing values, zones and formats are settings."""
    assert parse("1.234.567,5", "number", EUROPEAN) == 1234567.5
    assert parse("1.234", "integer", EUROPEAN) == 1234
    assert parse("?", "string", EUROPEAN) is None
    assert parse("2013-05-01 14:00", "timestamp", EUROPEAN) == NOON
    assert parse("2013-10-27 02:30", "timestamp", EUROPEAN) == datetime(
        2013, 10, 27, 0, 30, tzinfo=UTC
    )
    with pytest.raises(BadValue, match="clock skips"):
        parse("2013-03-31 02:30", "timestamp", EUROPEAN)
    assert parse("01.05.2013 12h", "timestamp", TextFormat(timestamp="%d.%m.%Y %Hh")) == NOON
    epoch = TextFormat(timestamp="epoch_milliseconds")
    assert parse("1367409600000", "timestamp", epoch) == NOON
    assert parse(1367409600000, "timestamp", epoch) == NOON
    words = TextFormat(true=frozenset({"yes"}), false=frozenset({"no"}))
    assert [parse(word, "boolean", words) for word in ("Yes", "no", "true")] == [True, False, True]


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "timestamp"])
def test_a_mark_of_a_missing_value_may_look_like_a_value(kind: ColumnType) -> None:
    """-999 and the like are missing in every column, however the cells are read."""
    cells = pa.array(["1", "-999", " 1 ", "true", "2013-01-01", None])
    found = cast_array(cells, kind, MARKS)
    assert found.refused == ()
    assert found.values.null_count == len(cells)


def test_a_point_beside_a_decimal_comma_is_no_decimal_mark() -> None:
    """It stands between thousands, or the cell is refused: nothing is a thousand times itself."""
    comma = TextFormat(decimal=",")
    for fmt, text in [
        *((EUROPEAN, text) for text in ("1.5", "12.3456", "0.999", "1.23,4")),
        *((comma, text) for text in ("1.5", "1.234,5")),
    ]:
        with pytest.raises(BadValue, match="has a point, where `,` is the decimal mark"):
            parse(text, "number", fmt)
    assert parse("1.234", "number", EUROPEAN) == 1234.0
    assert parse("1,0", "integer", comma) == 1
    with pytest.raises(BadValue, match="fraction part"):
        parse("1,5", "integer", comma)


def test_canonical_texts() -> None:
    """The text by which keys are joined and categories compared."""
    assert [canonical_text(one) for one in (True, 7, "x")] == ["true", "7", "x"]


def test_shapes_hold_no_value() -> None:
    """Digits are 9 and letters a; marks stay, since they tell what is wrong."""
    assert shape_of("12,5 km") == "99,9 aa"
    assert shape_of("\u00e9\u00a05\n") == r"a<no-break space>9\n"
    assert shape_of("1" * 100) == "9" * 24 + "…"
    assert shape_of(7.5) == "a value of type float"


_TEXTS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"\A[ +-]?[0-9]{1,20}([.,][0-9]{0,3})?([eE][+-]?[0-9]{1,3})?[ \t]?\Z"),
    st.from_regex(
        r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9])?"
        r"(\.[0-9]{1,9})?(Z| UTC|[+-][0-2][0-9]:?[0-6][0-9])?)?\Z"
    ),
    st.sampled_from(["true", "FALSE", "1.0", "NA", "", "nan", "inf", "?", "now"]),
    st.sampled_from([" 1", "1", "-999", "-999 ", "2013-01-01", "1.5", "0.999", "1.234,5", "1,0"]),
)
_ARRAYS = st.one_of(
    st.lists(st.none() | _TEXTS).map(lambda cells: pa.array(cells, pa.string())),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)).map(lambda c: pa.array(c, pa.int64())),
    st.lists(st.none() | st.integers(0, 2**64 - 1)).map(lambda c: pa.array(c, pa.uint64())),
    st.lists(st.none() | st.integers(-128, 127)).map(lambda c: pa.array(c, pa.int8())),
    st.lists(st.none() | st.floats()).map(lambda cells: pa.array(cells, pa.float64())),
    st.lists(st.none() | st.floats(width=32)).map(lambda cells: pa.array(cells, pa.float32())),
    st.lists(st.none() | st.booleans()).map(lambda cells: pa.array(cells, pa.bool_())),
    st.lists(st.none() | st.binary(max_size=4)).map(lambda cells: pa.array(cells, pa.binary())),
    st.lists(st.none() | st.dates()).map(lambda cells: pa.array(cells, pa.date32())),
    st.lists(st.none() | st.datetimes()).map(lambda c: pa.array(c, pa.timestamp("us"))),
    st.lists(
        st.none() | st.datetimes(timezones=st.just(timezone(timedelta(hours=5)))),
    ).map(lambda cells: pa.array(cells, pa.timestamp("us", "+05:00"))),
    st.lists(st.none() | st.integers(-(10**37), 10**37)).map(
        lambda cells: pa.array(
            [None if c is None else Decimal(c) for c in cells], pa.decimal128(38, 0)
        )
    ),
    st.lists(st.none() | st.decimals(-(10**6), 10**6, places=3)).map(
        lambda cells: pa.array(cells, pa.decimal128(20, 3))
    ),
    st.lists(st.none() | _TEXTS).map(lambda c: pa.array(c, pa.string()).dictionary_encode()),
)


@example(pa.array([b"\xc3\x85"]), "integer", PLAIN)
@example(pa.array([b"5", b"\xff"]), "integer", PLAIN)
@example(pa.array([1 - 2**63, -1, 2**63 - 1], pa.timestamp("ns", "UTC")), "timestamp", PLAIN)
@given(_ARRAYS, st.sampled_from(KINDS), st.sampled_from([PLAIN, EUROPEAN, MARKS]))
def test_an_array_is_cast_as_its_cells_are_parsed(
    array: pa.Array, kind: ColumnType, fmt: TextFormat
) -> None:
    """The kernels decide nothing otherwise than the one definition."""
    found = cast_array(array, kind, fmt)
    expected: list[Any] = []
    refused: dict[int, str] = {}
    for row, cell in enumerate(array.to_pylist()):
        try:
            expected.append(parse(cell, kind, fmt))
        except BadValue as error:
            expected.append(None)
            refused[row] = error.reason
    assert [repr(one) for one in found.values.to_pylist()] == [
        repr(_arrow(one)) for one in expected
    ]
    assert {row: one.reason for one in found.refused for row in one.rows} == refused


def _arrow(value: Any) -> Any:
    """The value as Arrow returns it: with a zone of its own for UTC."""
    if isinstance(value, datetime):
        return pa.scalar(value, pa.timestamp("us", tz="UTC")).as_py()
    return value


@pytest.mark.parametrize("year", [1, 1000, 9999])
def test_times_of_every_unit(year: int) -> None:
    """Seconds to microseconds reach beyond what nanoseconds can hold, and are exact."""
    moment = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    for unit in ("s", "ms", "us"):
        array = pa.array([moment.replace(tzinfo=None)], pa.timestamp(unit))
        assert cast_array(array, "timestamp").values.to_pylist() == [moment]
    beyond = pa.array([2**55], pa.int64()).cast(pa.timestamp("s"))
    assert [one.rows for one in cast_array(beyond, "timestamp").refused] == [(0,)]
    early = pa.array([-1], pa.int64()).cast(pa.timestamp("ns"))
    [cut] = cast_array(early, "timestamp").values.to_pylist()
    assert cut == datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_cells_of_several_types() -> None:
    """JSON allows them in one column; each is judged by itself."""
    found = cast_array(["7", 7, 7.0, None, True, [7], 2**70], "integer")
    assert found.values.to_pylist() == [7, 7, 7, None, None, None, None]
    assert {one.reason: one.rows for one in found.refused} == {
        "is a boolean, not an integer": (4,),
        "is no integer": (5,),
        "is an integer beyond 64 bits": (6,),
    }


def test_no_time_is_a_missing_value() -> None:
    """NaN and NaT stand for no value, in a column of epochs too."""
    not_a_time = pa.array([-(2**63)]).cast(pa.timestamp("ns"))[0].as_py()
    epochs = TextFormat(timestamp="epoch_seconds")
    assert parse(float("nan"), "timestamp", epochs) is None
    assert parse(not_a_time, "timestamp") is None
    assert parse(1.5, "timestamp", epochs) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
