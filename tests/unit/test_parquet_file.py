"""Parquet files and folders of them: the file's own types, and only the requested columns."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from slipway.adapters.sources import parquet_bounds
from slipway.adapters.sources.files import LandedFiles
from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import BadBatch
from slipway.records.landing_area import list_deliveries
from slipway.spec.csv import Csv
from slipway.values.arrays import cast_array
from slipway.values.value_types import ColumnType
from tests.fakes.memory_store import MemoryStore


def packed(**columns: Any) -> bytes:
    """A Parquet file."""
    return packed_table(pa.table(columns))


def packed_table(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def write(folder: Path, data: bytes) -> Path:
    """A file."""
    path = folder / "a.parquet"
    path.write_bytes(data)
    return path


def column(path: Path, name: str) -> pa.Array:
    """All cells of one column, in the file's own type."""
    (rows,) = open_delivery(path, ".parquet", csv=Csv()).rows([name])
    assert rows.lines is None
    assert rows.count == len(rows.columns[name])
    return rows.columns[name]


def cast(path: Path, name: str, kind: ColumnType) -> list[Any]:
    """All cells of one column in a declared type; refused ones are None."""
    return cast_array(column(path, name), kind).values.to_pylist()


@pytest.mark.parametrize(
    ("array", "kind", "texts"),
    [
        (pa.array([2**64 - 1, 2**63], pa.uint64()), "string", [str(2**64 - 1), str(2**63)]),
        (
            pa.array([Decimal(2**53), Decimal(2**53 + 1)], pa.decimal128(38, 0)),
            "string",
            ["9007199254740992", "9007199254740993"],
        ),
        (pa.array([1234567890123456789]), "string", ["1234567890123456789"]),
        (pa.array(["UA", "AA"]).dictionary_encode(), "string", ["UA", "AA"]),
        (pa.array(["7", "8"], pa.large_string()), "integer", [7, 8]),
        (pa.array([b"UA", b"AA"]), "string", ["UA", "AA"]),
    ],
)
def test_identities_are_those_of_the_file(
    tmp_path: Path, array: pa.Array, kind: ColumnType, texts: list[Any]
) -> None:
    """Cases 3, 4, 12 and 13: no integer travels through floating point."""
    assert cast(write(tmp_path, packed(k=array)), "k", kind) == texts


def test_times_of_96_bits_are_exact(tmp_path: Path) -> None:
    """Case 7: as Spark and Impala write them, from the year 1 to 9999."""
    years = [datetime(year, 12, 31, 23, 59, 59, 999999) for year in (1, 1000, 2262, 2263, 9999)]  # noqa: DTZ001 - a clock without a zone
    table = pa.table({"t": pa.array(years, pa.timestamp("us"))})
    path = write(tmp_path, packed_table(table, use_deprecated_int96_timestamps=True))
    assert parquet.ParquetFile(path).schema.column(0).physical_type == "INT96"
    assert cast(path, "t", "timestamp") == [one.replace(tzinfo=UTC) for one in years]


def test_undeclared_columns_are_never_read(tmp_path: Path) -> None:
    """Case 23: dates millions of years ahead, zones that do not exist, and repeated names."""
    table = pa.table(
        [
            pa.array([1, 2]),
            pa.array([2**30, 0], pa.date32()),
            pa.array([0, 1], pa.timestamp("us", tz="Mars/Phobos")),
            pa.array([1, 1]),
            pa.array([2, 2]),
            pa.array([{"k": 5}, {"k": 6}]),
            pa.array([{"b": 5}, {"b": 6}]),
            pa.array([7, 8]),
        ],
        names=["k", "day", "time", "note", "note", "nested", "a", "a.b"],
    )
    path = write(tmp_path, packed_table(table))
    assert column(path, "k").to_pylist() == [1, 2]
    assert column(path, "a.b").to_pylist() == [7, 8]
    names = open_delivery(path, ".parquet", csv=Csv()).names
    assert names == ("k", "day", "time", "note", "note", "nested", "a", "a.b")


def test_absurd_cells_are_refused_one_by_one(tmp_path: Path) -> None:
    """Case 23: in a declared column they cost their rows, not the file."""
    data = packed(
        day=pa.array([2**30, 0], pa.date32()),
        time=pa.array([0, 1], pa.timestamp("us", tz="Mars/Phobos")),
        nested=pa.array([{"k": 5}, None]),
        text=pa.array([b"\xff", b"x"]).view(pa.string()),
    )
    path = write(tmp_path, data)
    assert cast(path, "day", "timestamp") == [None, datetime(1970, 1, 1, tzinfo=UTC)]
    assert cast(path, "nested", "string") == [None, None]
    assert cast(path, "text", "string") == [None, "x"]


def test_ids_of_128_bits_are_their_text(tmp_path: Path) -> None:
    """A key of Parquet's UUID type joins the same key in CSV."""
    ids = [uuid.UUID(int=1), uuid.UUID("12345678-1234-5678-1234-567812345678")]
    array = pa.array([one.bytes for one in ids], pa.uuid())
    path = write(tmp_path, packed(k=array, x=pa.array([1, 2])))
    assert cast(path, "k", "string") == list(map(str, ids))


def test_a_pandas_index_is_a_column_like_others(tmp_path: Path) -> None:
    """Metadata of pandas changes neither names nor rows."""
    import pandas as pd

    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="i")).to_parquet(path)
    assert column(path, "a").to_pylist() == [1, 2]
    assert column(path, "i").to_pylist() == [7, 8]


def test_a_repeated_name_is_refused_where_it_is_declared(tmp_path: Path) -> None:
    """Nothing tells which of them is right."""
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(BadBatch, match="names a column twice: a"):
        column(write(tmp_path, packed_table(table)), "a")


def test_rows_come_in_pieces(tmp_path: Path) -> None:
    """No piece is larger than asked for, however large the row groups are."""
    path = write(tmp_path, packed(a=pa.array(range(1000))))
    pieces = list(open_delivery(path, ".parquet", csv=Csv()).rows(["a"], at_most=300))
    assert [some.count for some in pieces] == [300, 300, 300, 100]


def test_long_cells_come_in_smaller_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by bytes as well as by rows; other columns do not count."""
    monkeypatch.setattr(parquet_bounds, "BATCH_BYTES", 10_000)
    text = [f"{number:05d}" * 100 for number in range(100)]
    path = write(tmp_path, packed(text=pa.array(text), n=pa.array(range(100))))
    file = open_delivery(path, ".parquet", csv=Csv())
    assert max(some.count for some in file.rows(["text"])) < 30
    assert [some.count for some in file.rows(["n"])] == [100]


def _folder(*parts: bytes) -> tuple[MemoryStore, str]:
    store = MemoryStore()
    for number, part in enumerate(parts):
        store.write(f"landing/shop/features/x.parquet/part-{number:05d}.parquet", part)
    store.write("landing/shop/features/x.parquet/_SUCCESS", b"")
    return store, "shop"


def test_a_folder_of_parts_is_read_as_one(tmp_path: Path) -> None:
    """Case 26: parts in the order of their names, an empty one and one with more columns too."""
    store, dataset = _folder(
        packed(a=pa.array([1, 2])),
        packed(a=pa.array([], pa.int32()), b=pa.array([], pa.int32())),
        packed(b=pa.array(["x"]), a=pa.array(["3"])),
    )
    (delivery,) = list_deliveries(store, dataset)
    source = LandedFiles(store)
    file = source.open(source.fetch(delivery, tmp_path), delivery, csv=Csv())
    cells = [rows.columns["a"].to_pylist() for rows in file.rows(["a"])]
    assert (file.names, cells) == (("a",), [[1, 2], ["3"]])


def test_a_part_without_a_column_is_a_bad_batch(tmp_path: Path) -> None:
    """Rows of one part are not filled up with missing values."""
    store, dataset = _folder(packed(a=pa.array([1])), packed(b=pa.array([1])))
    (delivery,) = list_deliveries(store, dataset)
    source = LandedFiles(store)
    file = source.open(source.fetch(delivery, tmp_path), delivery, csv=Csv())
    with pytest.raises(BadBatch, match="lacks a column: a"):
        list(file.rows(["a"]))


@pytest.mark.parametrize(
    ("data", "message", "found"),
    [
        (b"", "the file is empty", None),
        (packed(a=pa.array([], pa.int64())), "the file holds no rows", None),
        (packed(a=pa.array([1, 2, 3]))[:-20], "complete Parquet file", "truncated or damaged"),
        (packed(a=pa.array([1, 2, 3]))[:20], "complete Parquet file", "truncated or damaged"),
        (b"a,b\n1,2\n", "cannot be read as Parquet", "text, as CSV is"),
        (b"PK\x03\x04" + bytes(90), "cannot be read as Parquet", "a ZIP archive"),
    ],
)
def test_what_cannot_be_read_is_a_bad_batch(
    tmp_path: Path, data: bytes, message: str, found: str | None
) -> None:
    """Empty, truncated and foreign files are refused as a whole."""
    with pytest.raises(BadBatch, match=message) as error:
        column(write(tmp_path, data), "a")
    assert (found or "") in (error.value.found or "")
