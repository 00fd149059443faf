"""Files with any bytes: rows and broken lines, or a bad batch, and never a tool's error."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import BadBatch
from slipway.records.landed_names import SUFFIXES
from slipway.spec.csv import Csv
from slipway.stages.ingest.header import header_problem, undeclared_columns
from slipway.values.arrays import cast_array
from slipway.values.value_types import ColumnType

ENCODINGS = ("utf-8", "ascii", "latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32", "shift_jis")
KINDS: tuple[ColumnType, ...] = ("string", "integer", "number", "boolean", "timestamp")

_CELLS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.text(max_size=8),
    st.sampled_from(["", "NA", '"', "'", "\ufeff", "\0", "now", "9" * 5000, "1e999999", "\u00a0"]),
)
_ROWS = st.lists(st.lists(_CELLS, max_size=4), max_size=8)
_DIALECTS = st.builds(
    Csv,
    delimiter=st.sampled_from([None, ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'", None]),
    encoding=st.sampled_from(ENCODINGS),
    skip_lines=st.integers(0, 3),
)


def _csv(rows: list[list[str]], csv: Csv) -> bytes:
    mark = csv.delimiter or ","
    text = "\n".join(mark.join(row) for row in [["id", "x"], *rows])
    return text.encode(csv.encoding, "replace")


def _parquet(rows: list[list[str]]) -> bytes:
    sink = io.BytesIO()
    pd.DataFrame(
        {"id": range(len(rows)), "x": [(row or [""])[0] for row in rows]},
    ).to_parquet(sink)
    return sink.getvalue()


@st.composite
def _files(draw: st.DrawFn) -> tuple[str, bytes, Csv]:
    """Suffix, bytes and dialect: files as they should be, damaged ones, and noise."""
    suffix, csv, rows = draw(st.sampled_from(SUFFIXES)), draw(_DIALECTS), draw(_ROWS)
    inside = draw(
        st.one_of(
            st.just(_csv(rows, csv)),
            st.just(_parquet(rows)),
            st.lists(st.sampled_from(['{"id": 1}', '{"x": "\\ud800"}', "[", '{"x": 1e99}', "\0"]))
            .map("\n".join)
            .map(str.encode),
            st.binary(max_size=200),
        )
    )
    is_compressed = suffix.endswith(".gz") and draw(st.booleans())
    data = gzip.compress(inside, mtime=0) if is_compressed else inside
    if data and draw(st.booleans()):
        at = draw(st.integers(0, len(data) - 1))
        data = draw(
            st.sampled_from(
                [data[:at], data[at:], data[:at] + b"\xff" + data[at + 1 :], data + data[:at]]
            )
        )
    return suffix, data, csv


@settings(max_examples=300)
@given(file=_files(), at_most=st.integers(1, 5))
def test_any_file_is_read_or_is_a_bad_batch(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[str, bytes, Csv], at_most: int
) -> None:
    """Every cell of what is read can be cast or is refused, and errors say what was expected."""
    suffix, data, csv = file
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(data)
    error = _error_of(path, suffix, csv, at_most)
    assert error is None or (error.message and (error.expected or error.found))


def _error_of(path: Path, suffix: str, csv: Csv, at_most: int) -> BadBatch | None:
    try:
        _read(path, suffix, csv, at_most)
    except BadBatch as error:
        return error
    return None


def _read(path: Path, suffix: str, csv: Csv, at_most: int) -> None:
    delivery = open_delivery(path, suffix, csv=csv)
    names = delivery.names
    undeclared_columns(names, ["id"])
    if problem := header_problem(names, ["id", "x"], csv):
        assert str(problem)
    columns = sorted({name for name in names if names.count(name) == 1})
    if not columns:
        return
    for rows in delivery.rows(columns, at_most=at_most):
        assert rows.count <= at_most
        assert rows.count or rows.broken
        assert rows.lines is None or len(rows.lines) == rows.count
        for cells in rows.columns.values():
            assert len(cells) == rows.count
            _cast(cells)


def _cast(cells: Any) -> None:
    for kind in KINDS:
        found = cast_array(cells, kind)
        assert len(found.values) == len(cells)
