"""Rows of a CSV file in pieces: order, ends and bounded memory."""

from __future__ import annotations

import csv as python_csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.sources import byte_stream, csv_blocks
from slipway.adapters.sources.csv_file import CsvFile
from slipway.errors import BadBatch, OverLimit
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from tests.support.csv_files import read, write


def test_rows_come_in_pieces_with_their_lines(tmp_path: Path) -> None:
    """No piece is larger than asked for, and each broken line comes with the rows around it."""
    text = "a,b\n" + "".join(f"{row},x\n" if row % 10 else f"{row}\n" for row in range(100))
    file = CsvFile.open(write(tmp_path, text), Csv(), delimiter=",", limits=DeliveryLimits())
    pieces = list(file.rows(["a"], at_most=7))
    assert max(some.count for some in pieces) == 7
    assert sum(some.count for some in pieces) == 90
    for some in pieces:
        assert some.lines is not None
        assert [int(cell.as_py()) + 2 for cell in some.columns["a"]] == list(some.lines)
        assert all(one.line <= some.lines[-1] for one in some.broken)


_CELL = st.text(st.sampled_from('ab",;\n\r \u00e9'), max_size=4)


@given(
    rows=st.lists(st.lists(_CELL, min_size=1, max_size=3), max_size=12),
    tail=st.text(st.sampled_from('a,"\n\r'), max_size=6),
    block=st.integers(1, 9),
    quote_all=st.booleans(),
)
def test_rows_are_those_of_pythons_reader(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    tail: str,
    block: int,
    quote_all: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """However the text is cut into blocks: the same cells, lines and broken lines, or unclosed."""
    sink = io.StringIO(newline="")
    style = python_csv.QUOTE_ALL if quote_all else python_csv.QUOTE_MINIMAL
    python_csv.writer(sink, quoting=style, lineterminator="\n").writerows(rows)
    text = "a,b\n" + sink.getvalue() + tail
    path = write(tmp_path_factory.mktemp("csv"), text.encode())
    expected = _by_python(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_stream, "BLOCK_BYTES", block)
        assert _outcome(path) == expected


def _outcome(path: Path) -> tuple[list[tuple[Any, ...]], list[int], list[int]] | None:
    try:
        rows, lines, broken = read(path)
    except BadBatch as error:
        return ([], [], []) if error.message == "the file holds no rows" else None
    return rows, lines, [one.line for one in broken]


def _by_python(text: str) -> tuple[list[tuple[str | None, ...]], list[int], list[int]] | None:
    """Rows, lines and ragged lines; None where a quote is not closed."""
    reader = python_csv.reader(io.StringIO(text, newline=""), strict=False)
    rows, lines, ragged, before = [], [], [], 0
    for row in reader:
        line, before = before + 1, reader.line_num
        if not row or line == 1:
            continue
        if len(row) == 2 and _is_strict(text, line, before):
            rows.append(tuple(cell or None for cell in row))
            lines.append(line)
        else:
            ragged.append(line)
    return None if _is_open(text) else (rows, lines, ragged)


def _is_strict(text: str, first: int, last: int) -> bool:
    """Whether nothing stands behind a closing quote in a row of some lines."""
    lines = list(io.StringIO(text, newline=""))[first - 1 : last]
    try:
        list(python_csv.reader(lines, strict=True))
    except python_csv.Error as error:
        return "expected after" not in str(error)
    return True


def _is_open(text: str) -> bool:
    """Whether the text ends inside quotes: then one more row changes nothing but the last one."""
    rows = list(python_csv.reader(io.StringIO(text, newline="")))
    more = list(python_csv.reader(io.StringIO(text + "\nx,y\n", newline="")))
    return more[-1] != ["x", "y"] or (bool(rows) and more[: len(rows)] != rows)


def test_a_row_without_an_end_is_refused_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote that is never closed does not read the whole file into one cell."""
    monkeypatch.setattr(csv_blocks, "MIB", 125)
    monkeypatch.setattr(byte_stream, "BLOCK_BYTES", 100)
    with pytest.raises(BadBatch, match="cannot be read as CSV") as error:
        read(write(tmp_path, 'a,b\n1,2\n3,"4\n' + "5,6\n" * 10_000))
    assert error.value.found == "a quote that is opened in the row of line 3, not closed in 8 MiB"


def test_a_row_that_is_too_long_is_not_told_as_a_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its quotes are closed, or it has none."""
    monkeypatch.setattr(csv_blocks, "MIB", 125)
    monkeypatch.setattr(byte_stream, "BLOCK_BYTES", 100)
    for cell in ("x" * 5000, '"q",' + "x" * 5000):
        with pytest.raises(OverLimit, match="exceeds a limit") as error:
            read(write(tmp_path, f"a,b\n1,2\n{cell},4\n"))
        assert error.value.found == "a longer row, or none that ends, in line 3"
        assert "quote" not in (error.value.hint or "")


def test_names_of_the_dialect_stand_for_a_header(tmp_path: Path) -> None:
    """The first line is a row then; lines before it are passed over as before."""
    file = write(tmp_path, "of 2024\n1,x\n2,y,z\n3,w\n")
    csv = Csv(names=["id", "t"], skip_lines=1)
    assert CsvFile.open(file, csv, delimiter=",", limits=DeliveryLimits()).names == ("id", "t")
    rows, lines, broken = read(file, csv)
    assert (rows, lines) == ([("1", "x"), ("3", "w")], [2, 4])
    assert [one.line for one in broken] == [3]
