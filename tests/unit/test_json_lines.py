"""JSON Lines: an object on each line, with exact numbers, and broken lines with their numbers."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.sources import json_lines
from slipway.adapters.sources.json_lines import JsonLines
from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import DeliveredRows
from slipway.values.arrays import cast_array
from slipway.values.value_types import ColumnType


def write(folder: Path, data: str | bytes, name: str = "a.jsonl") -> Path:
    """A file."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path) -> DeliveredRows:
    """All rows of a small file."""
    file = JsonLines.open(path, DeliveryLimits())
    (rows,) = file.rows(file.names)
    return rows


def cast(tmp_path: Path, cells: str, kind: ColumnType) -> list[Any]:
    """Cells of one column, as JSON has them, in a declared type; refused ones are None."""
    text = "".join(f'{{"k": {cell}}}\n' for cell in cells.split())
    return cast_array(read(write(tmp_path, text)).columns["k"], kind).values.to_pylist()


def test_objects_are_rows_with_their_lines(tmp_path: Path) -> None:
    """Blank lines count as lines; a key that an object lacks is a missing value."""
    path = write(tmp_path, b'\xef\xbb\xbf{"a": 1, "b": "x"}\r\n\n{"b": null, "c": true}\n')
    file = open_delivery(path, ".jsonl", csv=Csv())
    assert file.names == ("a", "b", "c")
    (rows,) = file.rows(["c", "a"])
    assert {name: list(cells) for name, cells in rows.columns.items()}.keys() == {"c", "a"}
    assert (rows.count, rows.lines, rows.broken) == (2, [1, 3], ())


def test_numbers_are_exact(tmp_path: Path) -> None:
    """Cases 3 and 12: integers of any size, and integers that are written as decimals."""
    digits = f"{2**53 + 1} {2**64} {10**60} -0"
    assert cast(tmp_path, digits, "string") == [str(2**53 + 1), str(2**64), str(10**60), "0"]
    assert cast(tmp_path, f"{2**53 + 1}.0 7.0 7.5", "integer") == [2**53 + 1, 7, None]
    assert cast(tmp_path, "0.1 1e3 1e999 -0.0 0.1234567890123456789", "number") == [
        *(0.1, 1000.0, None, 0.0),
        0.1234567890123456789,
    ]
    assert cast(tmp_path, "NaN 1.5", "number") == [None, 1.5]


def test_huge_exponents_cost_no_memory(tmp_path: Path) -> None:
    """A short text does not become an integer of a billion digits."""
    cells = "1e999999999 -1.000000000000000000001e99999999 1e-999999999"
    assert cast(tmp_path, cells, "number") == [None, None, 0.0]
    assert cast(tmp_path, cells, "integer") == [None, None, 0]


def test_cells_of_several_types_keep_them(tmp_path: Path) -> None:
    """Each is judged by itself, as in every other format."""
    cells = '7 "7" 7.0 true null {"a":1} [1] "\\ud800"'
    assert cast(tmp_path, cells, "string") == ["7", "7", *[None] * 6]
    assert cast(tmp_path, '"2013-05-01" 5 "now"', "timestamp") == [
        *(datetime(2013, 5, 1, tzinfo=UTC), None, None)
    ]


def test_plain_columns_are_arrays(tmp_path: Path) -> None:
    """Columns of one type are cast by kernels; a decimal stays one."""
    path = write(tmp_path, f'{{"i": 1, "f": 0.5, "s": "x", "d": {2**60}.5}}\n')
    columns = read(path).columns
    kinds = [str(getattr(columns[name], "type", None)) for name in "ifsd"]
    assert kinds == ["int64", "double", "string", "None"]
    assert columns["d"] == [Decimal(f"{2**60}.5")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', "is no JSON"),
        ("a,b", "is no JSON"),
        ("[1, 2]", "is no JSON object"),
        ("17", "is no JSON object"),
        ('{"a": 1, "a": 2}', "has an object that names a key twice"),
        ('{"a": {"b": 1, "b": 2}}', "has an object that names a key twice"),
        ("[" * 100_000, "is nested too deeply"),
        (b'{"a": "caf\xe9"}', "has bytes that are no UTF-8"),
        ('{"a": 1} {"a": 2}', "is no JSON"),
    ],
)
def test_a_line_that_is_no_object_is_broken(tmp_path: Path, line: str | bytes, reason: str) -> None:
    """It is one bad row with its number; the lines around it are read."""
    raw = line if isinstance(line, bytes) else line.encode()
    rows = read(write(tmp_path, b'{"a": 1}\n' + raw + b'\n{"a": 3}\n'))
    assert list(rows.lines or ()) == [1, 3]
    (broken,) = rows.broken
    assert (broken.line, broken.reason) == (2, reason)
    assert len(broken.text) <= 1000


@pytest.mark.parametrize(
    ("data", "message", "found"),
    [
        (b"", "the file is empty", None),
        (b"\n \n", "cannot be read as JSON Lines", "no line that is an object"),
        (b'[{"a": 1},\n{"a": 2}]\n', "cannot be read as JSON Lines", "no line that is an object"),
        (b"a,b\n1,2\n", "cannot be read as JSON Lines", "text, as CSV is"),
        (gzip.compress(b'{"a": 1}\n', mtime=0), "cannot be read as JSON Lines", "gzip"),
    ],
)
def test_what_has_no_object_is_a_bad_batch(
    tmp_path: Path, data: bytes, message: str, found: str | None
) -> None:
    """The hint says how an array is written."""
    with pytest.raises(BadBatch, match=message) as error:
        JsonLines.open(write(tmp_path, data), DeliveryLimits())
    assert (found or "") in (error.value.found or "")


def test_compressed_lines_are_read(tmp_path: Path) -> None:
    """Case 19: and a file that ends in the middle is a bad batch."""
    data = gzip.compress(b"".join(b'{"a": %d}\n' % number for number in range(9999)))
    path = write(tmp_path, data, "a.jsonl.gz")
    assert sum(rows.count for rows in JsonLines.open(path, DeliveryLimits()).rows(["a"])) == 9999
    with pytest.raises(BadBatch, match="complete gzip"):
        JsonLines.open(write(tmp_path, data[:-9], "a.jsonl.gz"), DeliveryLimits())


def test_rows_come_in_pieces(tmp_path: Path) -> None:
    """No piece is larger than asked for, broken lines included."""
    path = write(tmp_path, '{"a": 1}\nx\n' * 10)
    pieces = list(JsonLines.open(path, DeliveryLimits()).rows(["a"], at_most=4))
    assert [(some.count, len(some.broken)) for some in pieces] == [(2, 2)] * 5


def test_long_lines_come_in_smaller_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by bytes as well as by rows."""
    monkeypatch.setattr(json_lines, "_BYTES_AT_ONCE", 1000)
    path = write(tmp_path, f'{{"a": "{"x" * 400}"}}\n' * 10)
    assert [some.count for some in JsonLines.open(path, DeliveryLimits()).rows(["a"])] == [
        3,
        3,
        3,
        1,
    ]
