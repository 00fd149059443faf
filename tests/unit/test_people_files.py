"""Deliveries as people send them, through the whole ingestion of one batch."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from slipway.spec import Column
from tests.support.ingest_env import IngestEnv, dataset_spec
from tests.support.people_files import HEADER, ROW, delivered


def parquet_bytes(**columns: Any) -> bytes:
    """A Parquet file of two rows, with the times that are not given."""
    times = pa.array([0, 1], pa.timestamp("us"))
    sink = io.BytesIO()
    parquet.write_table(pa.table({"at": times, "miles": [1.0, 2.0], **columns}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("array", "keys"),
    [
        (pa.array([2**63, 2**64 - 1], pa.uint64()), ["9223372036854775808", str(2**64 - 1)]),
        (
            pa.array([Decimal(2**53), Decimal(2**53 + 1)], pa.decimal128(38, 0)),
            [str(2**53), str(2**53 + 1)],
        ),
        (pa.array([1234567890123456789, -1]), ["1234567890123456789", "-1"]),
    ],
)
def test_keys_are_the_same_in_every_format(array: pa.Array, keys: list[str]) -> None:
    """Cases 3, 4, 12 and 13: Parquet, CSV and JSON Lines give one identity."""
    lines = "".join(f"{key},1970-01-01,1\n" for key in keys)
    objects = "".join(f'{{"id": {key}, "at": "1970-01-01", "miles": 1}}\n' for key in keys)
    for name, data in (
        ("x.parquet", parquet_bytes(id=array)),
        ("x.csv", (HEADER + lines).encode()),
        ("x.jsonl", objects.encode()),
    ):
        verdict, env = delivered(data, name=name)
        assert verdict.action == "ingested", verdict.reason
        assert list(env.rows()) == keys


def test_a_dialect_reads_what_spreadsheets_write() -> None:
    """Case 15: decimal commas in a file of semicolons, and marks of missing values."""
    text = "id;at;miles\na;2013-05-01;1.234,5\nb;2013-05-02;?\nc;2013-05-03;#N/A\n"
    verdict, env = delivered(text, delimiter=";", decimal=",", thousands=".", missing=["?", "#N/A"])
    assert verdict.numbers["quarantined"] == 0
    assert env.rows()["a"] == 1234.5


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("1,5", 'csv: {decimal: ","}'),
        ("?", "`csv.missing`"),
        ("1,234.5", "`csv.thousands`"),
    ],
)
def test_a_refusal_names_the_setting_that_would_accept_it(cell: str, hint: str) -> None:
    """Case 15: column, count and shape of an example stand in the verdict."""
    rows = "".join(f'{key},2013-05-01,"{cell}"\n' for key in "abcd")
    verdict, _ = delivered(HEADER + rows)
    assert verdict.action == "blocked"
    assert hint in verdict.reason
    assert "miles" in verdict.reason
    assert "in 4 rows" in verdict.reason


def test_unnamed_and_blank_columns_are_left_out() -> None:
    """Case 16: an index column, and trailing blank columns."""
    verdict, env = delivered(f",{HEADER.strip()},,\n0,{ROW.strip()},,\n")
    assert verdict.action == "ingested"
    assert "does not declare: 3 unnamed columns" in verdict.reason
    assert env.rows() == {"a": 1.5}


def test_a_ragged_line_is_one_bad_row() -> None:
    """Case 17: its number and its text are in the quarantine."""
    verdict, env = delivered(f"{HEADER}{ROW}b,2013-05-02,2,3\n\nc,2013-05-03,4\n")
    assert (verdict.action, verdict.numbers["quarantined"]) == ("ingested", 1)
    assert env.rows() == {"a": 1.5, "c": 4.0}
    (row,) = env.packed(verdict.evidence["quarantine"]).to_dict("records")
    assert (row["_line"], row["_text"]) == (3, "b,2013-05-02,2,3")
    assert row["_reason"] == "has 4 values where the header has 3"


def test_an_encoding_and_compression_are_read() -> None:
    """Case 19: the key is the same text as in UTF-8."""
    data = (HEADER + ROW.replace("a,", "Zo\xeb,")).encode("latin-1")
    verdict, env = delivered(gzip.compress(data, mtime=0), name="x.CSV.gz", encoding="latin-1")
    assert (verdict.action, list(env.rows())) == ("ingested", ["Zo\xeb"])
    verdict, _ = delivered(data)
    assert verdict.action == "blocked"
    assert "not in the encoding utf-8" in verdict.reason
    assert "csv: {encoding" in verdict.reason


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251"])
def test_utf8_in_an_encoding_of_one_byte_is_a_warning(encoding: str) -> None:
    """Each letter beyond ASCII would be read as two; the verdict counts and names it."""
    data = HEADER + ROW.replace("a,", "Zo\u00ebl,")
    verdict, _ = delivered(data, encoding=encoding)
    assert verdict.numbers["warnings"] == 1
    assert "all of it is valid UTF-8 with letters beyond ASCII" in verdict.reason
    assert "csv: {encoding: utf-8}" in verdict.reason


@pytest.mark.parametrize("text", ["a,", "Zo\u00eb,"], ids=["ascii", "letters"])
def test_a_file_in_its_encoding_has_no_warning(text: str) -> None:
    """Neither letters of that encoding nor ASCII alone raise a doubt."""
    data = (HEADER + ROW.replace("a,", text)).encode("cp1252")
    verdict, _ = delivered(data, encoding="cp1252")
    assert verdict.numbers["warnings"] == 0


def test_the_mark_of_utf8_under_another_encoding_is_named() -> None:
    """It is no part of the first column's name."""
    verdict, _ = delivered(b"\xef\xbb\xbf" + (HEADER + ROW).encode(), encoding="latin-1")
    assert verdict.action == "blocked"
    assert "found the byte order mark of UTF-8" in verdict.reason
    assert "lacks" not in verdict.reason


@pytest.mark.parametrize("column", ["id", "at"])
def test_an_empty_key_or_time_is_missing_in_every_format(column: str) -> None:
    """A bad row in CSV, JSON Lines and Parquet, for one reason."""
    rows = [{"id": f"k{row}", "at": "2013-05-01", "miles": "1"} for row in range(3)]
    rows[1][column] = ""
    cells = {name: pa.array([row[name] for row in rows]) for name in rows[0]}
    for name, data in (
        ("x.csv", (HEADER + "".join(f"{','.join(row.values())}\n" for row in rows)).encode()),
        ("x.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows).encode()),
        ("x.parquet", parquet_bytes(**cells)),
    ):
        verdict, env = delivered(data, name=name)
        assert list(env.rows()) == ["k0", "k2"]
        assert env.packed(verdict.evidence["quarantine"])["_reason"].tolist() == [
            f"{column} is missing"
        ]


@pytest.mark.parametrize(
    "time", ["0001-01-01", "1899-12-30", "1900-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]
)
def test_a_time_that_stands_for_no_date_is_taken_and_counted(time: str) -> None:
    """It may be right, and moves no clock; a first batch of nothing else is told as well."""
    old = f"b,{time},2\n"
    for data in (HEADER + ROW + old, HEADER + old):
        verdict, env = delivered(data)
        assert verdict.action == "ingested"
        assert verdict.numbers["warnings"] == 1
        assert "at is before 1900-01-02, or 1970-01-01 00:00, in 1 rows" in verdict.reason
        assert env.rows()["b"] == 2.0


def test_an_old_time_of_day_is_no_mark_of_no_date() -> None:
    """Years after 1900 pass without a word."""
    verdict, _ = delivered(HEADER + "b,1901-05-01,2\nc,1970-01-01T00:00:01Z,2\n")
    assert verdict.numbers["warnings"] == 0


@pytest.mark.parametrize(
    ("form", "counts", "hint"),
    [
        ("epoch_milliseconds", ["1367409600", "1367409601"], "format: epoch_seconds"),
        ("epoch_seconds", ["15826", "15827"], "the file may count days or hours"),
        ("epoch_seconds", ["1367409600", "1367409601"], None),
    ],
)
def test_counts_in_january_1970_are_warned_of_as_of_another_unit(
    form: str, counts: list[str], hint: str | None
) -> None:
    """Seconds that are read as milliseconds are all of one month."""
    spec = dataset_spec(expectations={})
    features = spec.streams.features
    columns = {**features.columns, "at": Column(type="timestamp", nullable=False, format=form)}
    changed = features.model_copy(update={"columns": columns})
    streams = spec.streams.model_copy(update={"features": changed})
    env = IngestEnv(spec=spec.model_copy(update={"streams": streams}))
    rows = "".join(f"k{at},{count},1\n" for at, count in enumerate(counts))
    verdict = env.deliver("features/x.csv", (HEADER + rows).encode())
    assert verdict.action == "ingested"
    assert verdict.numbers["warnings"] == (hint is not None)
    assert ("at is in January 1970 in 2 rows" in verdict.reason) == (hint is not None)
    assert (hint or "") in verdict.reason


def test_an_undeclared_column_stops_nothing() -> None:
    """Case 23: a date millions of years ahead in a column that is not declared."""
    absurd = pa.array([2**30, 0], pa.date32())
    verdict, env = delivered(parquet_bytes(id=["a", "b"], day=absurd), name="x.parquet")
    assert verdict.action == "ingested"
    assert list(env.rows()) == ["a", "b"]


def test_a_folder_of_parts_is_one_batch() -> None:
    """Case 26: its rows, its digest, and itself where it is blocked."""
    env = IngestEnv(spec=dataset_spec(expectations={}))
    for number, keys in enumerate((["a", "b"], ["c", "d"])):
        env.land(f"features/x.parquet/part-{number}.parquet", parquet_bytes(id=keys))
    (verdict,) = env.run()
    assert (verdict.action, list(env.rows())) == ("ingested", ["a", "b", "c", "d"])
    env.land("features/x.parquet/part-2.parquet", parquet_bytes(id=["e", "e"]))
    env.land("features/y.parquet/part-0.parquet", parquet_bytes(other=["e", "f"]))
    revised, blocked = env.run()
    assert (revised.action, list(env.rows())) == ("revised", ["a", "b", "c", "d"])
    assert blocked.action == "blocked"
    kept = blocked.evidence["blocked"].removeprefix(f"{env.store.root}/")
    assert env.store.exists(f"{kept}/part-0.parquet")
