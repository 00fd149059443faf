"""Derived keys: no two rows share one by chance, and every reader derives the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.values.kernels import arrow_type
from slipway.values.row_keys import (
    canonical_texts,
    composed_key,
    composed_keys,
    occurrence_key,
    row_digest,
    row_digests,
)
from slipway.values.value_types import ColumnType, Value, canonical_text

TEXTS = st.text(st.sampled_from("a|\\=-1 é"), min_size=1, max_size=6)
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
VALUES: dict[ColumnType, st.SearchStrategy[Value]] = {
    "string": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(-1e30, 1e30).map(lambda number: number + 0.0),
    "boolean": st.booleans(),
    "timestamp": TIMES,
}


def of_some_types(
    *, nullable: bool
) -> st.SearchStrategy[tuple[list[ColumnType], list[list[Value | None]]]]:
    """Types of columns, and rows of such values."""

    def rows(types: list[ColumnType]) -> st.SearchStrategy[list[list[Value | None]]]:
        cells = [VALUES[kind] | st.none() if nullable else VALUES[kind] for kind in types]
        return st.lists(st.tuples(*cells).map(list), min_size=1, max_size=5)

    some = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4)
    return some.flatmap(lambda types: st.tuples(st.just(types), rows(types)))


def arrays(types: Sequence[ColumnType], rows: Sequence[Sequence[Value | None]]) -> list[pa.Array]:
    """The columns of some rows as ingest has them."""
    return [
        pa.array([row[place] for row in rows], arrow_type(kind)) for place, kind in enumerate(types)
    ]


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4))
def test_different_parts_never_have_one_key(one: list[str], other: list[str]) -> None:
    """Whatever separators and escapes the texts have themselves."""
    assert (composed_key(one) == composed_key(other)) == (one == other)


def test_a_composed_key_can_be_read() -> None:
    """Canonical texts with a mark between them."""
    assert composed_key(["s1", 7, datetime(2013, 5, 1, tzinfo=UTC)]) == (
        "s1|7|2013-05-01T00:00:00+00:00"
    )
    assert composed_key(["a|b", "c"]) == "a\\|b|c"
    assert composed_key(["a\\", "b"]) == "a\\\\|b"


@given(of_some_types(nullable=False))
def test_ingest_composes_the_keys_of_single_rows(
    drawn: tuple[list[ColumnType], list[list[Value]]],
) -> None:
    """Whole columns give what each row gives by itself."""
    types, rows = drawn
    assert composed_keys(arrays(types, rows)).to_pylist() == [composed_key(row) for row in rows]


@given(of_some_types(nullable=True))
def test_ingest_digests_single_rows(
    drawn: tuple[list[ColumnType], list[list[Value | None]]],
) -> None:
    """Whole columns give what each row gives by itself, missing values among them."""
    types, rows = drawn
    names = [f"c{place}=|" for place in range(len(types))]
    found = row_digests(dict(zip(names, arrays(types, rows), strict=True))).to_pylist()
    assert found == [row_digest(dict(zip(names, row, strict=True))) for row in rows]


@given(of_some_types(nullable=True))
def test_texts_of_columns_are_the_canonical_ones(
    drawn: tuple[list[ColumnType], list[list[Value | None]]],
) -> None:
    """By which labels are joined and categories compared."""
    types, rows = drawn
    for place, column in enumerate(arrays(types, rows)):
        texts = [None if row[place] is None else canonical_text(row[place]) for row in rows]  # type: ignore[arg-type]
        assert canonical_texts(column).to_pylist() == texts


def test_a_row_without_a_part_has_no_key() -> None:
    """It is a bad row of its delivery."""
    both = composed_keys([pa.array(["a", None]), pa.array([1, 2])])
    assert both.to_pylist() == ["a|1", None]


def test_a_digest_is_of_names_and_values() -> None:
    """In any order of the columns; a missing value is as a column that is not there."""
    known = row_digest({"a": "x", "b": 1})
    assert re.fullmatch("[0-9a-f]{32}", known)
    assert row_digest({"b": 1, "a": "x", "new": None}) == known
    others: list[dict[str, Value | None]] = [
        {"a": "x", "b": 2},
        {"a": "x"},
        {"a": "x", "c": 1},
        {"a": "x|b=1"},
        {"a": None, "b": None},
    ]
    assert len({known, *map(row_digest, others)}) == len(others) + 1


@pytest.mark.parametrize(("number", "key"), [(1, "0f"), (2, "0f-2"), (11, "0f-11")])
def test_equal_rows_are_numbered_from_the_second_on(number: int, key: str) -> None:
    """So a request's row has the key of the first of them."""
    assert occurrence_key("0f", number) == key
