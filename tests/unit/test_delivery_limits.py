"""Limits of a delivery: one beyond them is blocked in bounded memory, and read once."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import OverLimit
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from slipway.stages.report.why_dataset import RAISE_THE_LIMIT, format_deliveries, why_dataset
from tests.support.ingest_env import IngestEnv, features_csv

MIB = 2**20
READ = """
import resource, sys
from pathlib import Path
from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import OverLimit
from slipway.spec.csv import Csv
from slipway.values.arrays import cast_array

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    path = Path(name)
    try:
        for rows in open_delivery(path, "".join(path.suffixes), csv=Csv()).rows(["a"]):
            cast_array(rows.columns["a"], "string")
    except OverLimit as error:
        print(path.name, error.hint)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def packed(array: pa.Array, **options: Any) -> bytes:
    """A column as a Parquet file."""
    sink = io.BytesIO()
    table = pa.table({"a": array})
    parquet.write_table(table, sink, compression="zstd", write_statistics=False, **options)
    return sink.getvalue()


def many_of_one(*, cell: int, rows: int) -> pa.Array:
    """One long text, to which many rows point."""
    places = pa.array(np.zeros(rows, np.int32))
    return pa.DictionaryArray.from_arrays(places, pa.array(["x" * cell]))


def bombs() -> dict[str, bytes]:
    """Files of kilobytes that stand for gigabytes."""
    shared = many_of_one(cell=10_000, rows=131_072)
    texts = pa.array(["x" * 50_000 + str(row) for row in range(2000)])
    return {
        "dictionary.parquet": packed(shared, store_schema=False),
        "typed.parquet": packed(shared),
        "page.parquet": packed(
            pa.array(["y" * MIB] * 300), use_dictionary=False, data_page_size=2**30
        ),
        "prefix.parquet": packed(
            texts,
            use_dictionary=False,
            column_encoding={"a": "DELTA_BYTE_ARRAY"},
            data_page_size=2**30,
        ),
        "list.parquet": packed(pa.array([pa.nulls(20_000_000, pa.int64())], pa.list_(pa.int64()))),
        "ragged.csv.gz": gzip.compress(b"a,b\n" + b"1\n" * 1_000_000, 1),
        "cell.csv.gz": gzip.compress(b"a,b\n" + b"1" * 16 * MIB + b",2\n", 1),
        "lists.jsonl.gz": gzip.compress(b'{"a":[' + b"[]," * 8_000_000 + b"1]}\n", 1),
    }


def test_a_file_of_kilobytes_takes_bounded_memory(tmp_path: Path) -> None:
    """Five of them took 0.6 to 2.5 GiB while the footer was believed; none takes 500 MiB."""
    names = []
    for name, data in bombs().items():
        assert len(data) < MIB, name
        (tmp_path / name).write_bytes(data)
        names.append(str(tmp_path / name))
    ran = subprocess.run(
        [sys.executable, "-c", READ, *names], capture_output=True, text=True, check=True
    )
    *refused, peak = ran.stdout.splitlines()
    assert {line.split()[0]: line.split("raise ")[1] for line in refused} == {
        "page.parquet": "SLIPWAY_DELIVERY_MAX_PAGES_MIB",
        "list.parquet": "SLIPWAY_DELIVERY_MAX_PAGES_MIB",
        "cell.csv.gz": "SLIPWAY_DELIVERY_MAX_ROW_MIB",
        "lists.jsonl.gz": "SLIPWAY_DELIVERY_MAX_ROW_MIB",
    }
    assert int(peak) < 500


def varint(value: int) -> bytes:
    """A number as Thrift's compact protocol writes it."""
    left, found = value << 1, bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes([*found, left])


def test_a_footer_that_lies_changes_nothing(tmp_path: Path) -> None:
    """The sizes are those of the pages' headers, by which a reader takes memory."""
    path = tmp_path / "a.parquet"
    path.write_bytes(
        packed(pa.array(["y" * MIB] * 300), use_dictionary=False, data_page_size=2**30)
    )
    size = parquet.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    told = 200 * MIB
    data = path.read_bytes()
    assert len(varint(size)) == len(varint(told))
    path.write_bytes(data.replace(varint(size), varint(told)))
    column = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.total_uncompressed_size == told
    with pytest.raises(OverLimit) as error:
        list(open_delivery(path, ".parquet", csv=Csv()).rows(["a"]))
    assert error.value.found == "300 MiB"


def wide(count: int) -> bytes:
    """A Parquet file of many columns and one row."""
    sink = io.BytesIO()
    parquet.write_table(pa.table({f"c{at}": [1] for at in range(count)}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "limits", "found"),
    [
        ("a.parquet", packed(pa.nulls(2000, pa.string())), {"max_rows": 1000}, "more"),
        ("a.csv", b"a\n" + b"1\n" * 2000, {"max_rows": 1000}, "more"),
        ("a.jsonl", b'{"a": 1}\n' * 600 + b"no row\n" * 600, {"max_rows": 1000}, "more"),
        ("a.csv.gz", gzip.compress(b"a\n" + b"1\n" * MIB), {"max_unpacked_mib": 1}, "more"),
        (
            "a.parquet",
            packed(many_of_one(cell=10_000, rows=200)),
            {"max_unpacked_mib": 1},
            "more",
        ),
        ("a.parquet", packed(pa.array(["x" * 2 * MIB])), {"max_row_mib": 1}, "2 MiB"),
        ("a.parquet", wide(20), {"max_columns": 10}, "20"),
        ("a.csv", b"a,b,c\n1,2,3\n", {"max_columns": 2}, "3"),
        ("a.jsonl", b'{"a": 1, "b": 2}\n{"c": 1}\n', {"max_columns": 2}, "3"),
    ],
)
def test_a_limit_holds_for_every_format(
    tmp_path: Path, name: str, data: bytes, limits: dict[str, int], found: str
) -> None:
    """The error tells the limit, what was found, and the setting that raises it."""
    path = tmp_path / name
    path.write_bytes(data)
    suffix = name.partition(".")[1] + name.partition(".")[2]
    with pytest.raises(OverLimit, match="exceeds a limit") as error:
        list(open_delivery(path, suffix, csv=Csv(), limits=DeliveryLimits(**limits)).rows(["a"]))
    (field,) = limits
    assert error.value.found == found
    assert (error.value.hint or "").endswith(f"raise SLIPWAY_DELIVERY_{field.upper()}")


def test_a_delivery_beyond_a_limit_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is blocked with the reason, and no sweep takes it again until a limit is another."""
    env = IngestEnv()
    monkeypatch.setenv("SLIPWAY_DELIVERY_MAX_ROWS", "2")
    verdict = env.deliver("features/b1.csv", features_csv(1))
    assert verdict.action == "blocked"
    assert (
        "expected at most 2 rows (SLIPWAY_DELIVERY_MAX_ROWS), found more, "
        f"in {env.store.uri('landing/flights/features/b1.csv')}; hint: "
    ) in verdict.reason
    assert format_deliveries("flights", why_dataset("flights", store=env.store))[-1] == (
        f"  {RAISE_THE_LIMIT}"
    )
    assert (env.run(), env.is_unacknowledged) == ([], False)
    monkeypatch.setenv("SLIPWAY_DELIVERY_MAX_COLUMNS", "2")
    (again,) = env.run()
    assert "expected at most 2 columns (SLIPWAY_DELIVERY_MAX_COLUMNS), found 3" in again.reason
    assert env.run() == []
    monkeypatch.delenv("SLIPWAY_DELIVERY_MAX_COLUMNS")
    assert [one.action for one in env.run()] == []
    monkeypatch.setenv("SLIPWAY_DELIVERY_MAX_ROWS", "3")
    assert [one.action for one in env.run()] == ["ingested"]
    monkeypatch.setenv("SLIPWAY_DELIVERY_MAX_ROWS", "2")
    assert env.run() == []
    assert len(env.rows()) == 3


def test_a_delivery_that_is_too_large_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in the landing area; neither the local disk nor the quarantine gets a copy."""
    env = IngestEnv()
    monkeypatch.setenv("SLIPWAY_DELIVERY_MAX_MIB", "1")
    monkeypatch.setattr(env.source, "fetch", None)
    verdict = env.deliver("features/b1.csv", b"id,at,miles\n" + b" " * MIB)
    assert verdict.action == "blocked"
    assert "at most 1 MiB (SLIPWAY_DELIVERY_MAX_MIB), found 1.0 MiB, in " in verdict.reason
    assert "/features/b1.csv; hint: deliver it in parts" in verdict.reason
    assert env.store.list("quarantine") == []
    assert env.run() == []
