"""Columns of short plain texts: cast as a whole to what their cells are parsed to."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slipway.values.arrays import cast_array
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.short_texts import short_integers, short_numbers
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.value_types import ColumnType

MARKS = TextFormat(missing=frozenset({"-999", "1.5", "7"}))
NUMERIC: tuple[ColumnType, ...] = ("integer", "number")

_PLAIN_NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map("{:.3f}".format),
    st.integers(-(2**54), 2**54).map(str),
    st.from_regex(r"\A-?[0-9]{1,25}\.[0-9]{0,20}([eE][+-]?[0-9]{1,3})?\Z"),
    st.sampled_from(["-999", "1.5", "7", "-0", "-0.0"]),
)
_ODD_CHARACTERS = st.text("0123456789.+-eExXpPinfaN_() \t", max_size=44)


def _parsed(text: str | None, kind: ColumnType, fmt: TextFormat) -> str:
    try:
        return repr(parse(text, kind, fmt))
    except BadValue as error:
        return error.reason


def _assert_cast_as_parsed(texts: list[str | None], kind: ColumnType, fmt: TextFormat) -> None:
    found = cast_array(pa.array(texts, pa.string()), kind, fmt)
    seen = [repr(value) for value in found.values.to_pylist()]
    for refusal in found.refused:
        for row in refusal.rows:
            seen[row] = refusal.reason
    assert seen == [_parsed(text, kind, fmt) for text in texts]


@given(st.lists(st.none() | _PLAIN_NUMBERS), st.sampled_from([PLAIN, MARKS]))
def test_plain_numbers_are_cast_as_they_are_parsed(
    texts: list[str | None], fmt: TextFormat
) -> None:
    """To the last bit: no text is rounded otherwise, and minus zero is zero."""
    _assert_cast_as_parsed(texts, "number", fmt)


@given(st.lists(st.none() | st.integers(-(10**18), 10**18).map(str)))
def test_plain_integers_are_cast_as_they_are_parsed(texts: list[str | None]) -> None:
    """Up to 18 digits at once, and longer ones one by one."""
    _assert_cast_as_parsed(texts, "integer", PLAIN)


@example("0x10")
@example("-0X1F")
@example("nan(1)")
@example("-inf")
@example("1e")
@example("0" * 40 + "1")
@example("9007199254740993")
@example("9007199254740993.0")
@example("-9007199254740993")
@example("1e-400")
@example("2.4703282292062327208e-324")
@given(_ODD_CHARACTERS)
def test_a_text_that_arrow_reads_otherwise_is_parsed(text: str) -> None:
    """Alone in its column, so that no other cell asks for a closer look."""
    for kind in NUMERIC:
        _assert_cast_as_parsed([text], kind, PLAIN)


@pytest.mark.parametrize("text", ["1 ", "NA", "9007199254740992", "inf", "0" * 41, "1,5"])
def test_one_odd_number_asks_for_a_closer_look(text: str) -> None:
    """At the whole column: the shortcut decides all of its cells, or none."""
    assert short_numbers(pa.array(["1.5", text])) is None


@pytest.mark.parametrize("text", ["1 ", "NA", "0x10", "0" * 19, "1.0", "+1"])
def test_one_odd_integer_asks_for_a_closer_look(text: str) -> None:
    """At the whole column: the shortcut decides all of its cells, or none."""
    assert short_integers(pa.array(["1", text])) is None


def test_missing_cells_stay_missing() -> None:
    """In a column of plain texts, of missing cells alone, and without a cell."""
    assert short_numbers(pa.array(["-0", None])).to_pylist() == [0.0, None]
    assert short_integers(pa.array(["-7", None])).to_pylist() == [-7, None]
    for texts in (pa.nulls(2, pa.string()), pa.nulls(0, pa.string())):
        assert short_numbers(texts) == pa.nulls(len(texts), pa.float64())
        assert short_integers(texts) == pa.nulls(len(texts), pa.int64())
