"""Delivery files: Parquet and CSV bytes as data frames, and errors of unreadable ones."""

from __future__ import annotations

import io
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.sources.parquet_and_csv import read_delivery
from slipway.errors import BadBatch


def _parquet(**columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_csv_columns_stay_text() -> None:
    """Leading zeros, long numbers and words are unchanged; an empty cell is missing."""
    data = b'\xef\xbb\xbfid,n,t\n007,12345678901234567890,NA\n8,,"two\nlines"\n9,"",x\n'
    frame = read_delivery(data, ".csv")
    assert list(frame["id"]) == ["007", "8", "9"]
    assert list(frame["n"].fillna("missing")) == ["12345678901234567890", "missing", "missing"]
    assert list(frame["t"]) == ["NA", "two\nlines", "x"]


def test_parquet_integers_keep_their_nulls() -> None:
    """An integer column with a null does not become float."""
    frame = read_delivery(_parquet(n=pa.array([2**62 + 1, None])), ".parquet")
    assert frame["n"].dtype == "Int64"
    assert frame["n"][0] == 2**62 + 1


def test_parquet_of_other_makers_is_read_as_plain_columns() -> None:
    """Dictionaries, decimals, dates and null columns become plain types."""
    data = _parquet(
        carrier=pa.array(["UA", None]).dictionary_encode(),
        price=pa.array([Decimal("1.50"), None]),
        day=pa.array([19000, None], pa.date32()),
        nothing=pa.nulls(2),
    )
    frame = read_delivery(data, ".parquet")
    assert frame["carrier"].dtype == "str"
    assert frame["price"][0] == 1.5
    assert frame["day"][0] == pd.Timestamp("2022-01-08")
    assert frame["nothing"].isna().all()


def test_a_pandas_index_is_no_column_and_no_index() -> None:
    """Rows are numbered from 0, whatever the file's metadata."""
    sink = io.BytesIO()
    pd.DataFrame({"a": [1, 2]}, index=[7, 8]).to_parquet(sink)
    assert list(read_delivery(sink.getvalue(), ".parquet").index) == [0, 1]


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (b"", ".parquet", "empty"),
        (b"", ".csv", "empty"),
        (b"\n\n", ".csv", "empty"),
        (b"a,b\n", ".csv", "no rows"),
        (_parquet(a=pa.array([], pa.int64())), ".parquet", "no rows"),
        (_parquet(a=pa.array([1, 2, 3]))[:-20], ".parquet", "cannot be read as Parquet"),
        (b"a,b\n1,2\n", ".parquet", "cannot be read as Parquet"),
        (_parquet(a=pa.array([1, 2, 3])), ".csv", "cannot be read as CSV"),
        (b"a,b\nx,\xff\xfe\n", ".csv", "cannot be read as CSV"),
        (b"a,a\n1,2\n", ".csv", "names a column twice: a"),
    ],
)
def test_what_cannot_be_read_is_a_bad_batch(data: bytes, suffix: str, message: str) -> None:
    """Empty, truncated and foreign files are refused as a whole."""
    with pytest.raises(BadBatch, match=message):
        read_delivery(data, suffix)


def test_a_ragged_line_is_named_without_its_values() -> None:
    """The error has the line's number and its count of values, and no value."""
    with pytest.raises(BadBatch) as error:
        read_delivery(b"a,b\n1,2\nsecret,2,3\n", ".csv")
    assert error.value.found == "3 values in line 3"
    assert "secret" not in str(error.value)


def test_a_packed_frame_reads_back_the_same() -> None:
    """Columns of other types are packed as text."""
    data = _parquet(n=pa.array([1, None]), s=pa.array(["x", None]), l=pa.array([[1, 2], None]))
    frame = read_delivery(data, ".parquet")
    again = read_delivery(pack_rows(frame), ".parquet")
    pd.testing.assert_frame_equal(again[["n", "s"]], frame[["n", "s"]])
    assert again["l"].notna().tolist() == [True, False]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**30], pa.date32()),
        pa.array([0], pa.timestamp("us", tz="Mars/Phobos")),
    ],
    ids=["a day millions of years ahead", "a time zone that there is not"],
)
def test_parquet_that_pandas_cannot_hold_is_a_bad_batch(column: pa.Array) -> None:
    """It is blocked and kept instead of retried for ever."""
    with pytest.raises(BadBatch, match="plain columns"):
        read_delivery(_parquet(x=column), ".parquet")
