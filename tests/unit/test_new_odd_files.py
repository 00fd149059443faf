"""`slipway new`: empty files are named, and names with blanks are those of the file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from slipway.spec.dataset import Arrival
from tests.support.ingest_env import IngestEnv
from tests.support.new_specs import binary, csv_file, planned, written


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", b"", "the file is empty"),
        ("none.tsv", b"", "the file is empty"),
        ("none.jsonl", b"", "the file is empty"),
        ("none.parquet", b"", "the file is empty"),
        ("none.csv.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("header.csv", b"a,b\n", "the file holds no rows"),
        ("blank.csv", b"\n  \n\r\n\t\n", "the file is empty"),
        ("blank.csv", "\ufeff\n \n".encode("utf-16"), "the file is empty"),
        ("blank.jsonl", b"\n\n", "cannot be read as JSON Lines"),
    ],
)
def test_a_file_without_rows_is_named(
    name: str, content: bytes, message: str, tmp_path: Path, home: Path
) -> None:
    """Of several files a person sees which one it is."""
    del home
    file = tmp_path / name
    file.write_bytes(content)
    result = CliRunner().invoke(commands, ["new", str(file), "--yes"])
    assert result.exit_code == 1
    assert message in result.output
    assert f"where: {file}" in result.output


@pytest.mark.parametrize("header", ["Size m2, rooms ,\tdistrict,  sold", '" a","b ",\u00a0c,d '])
def test_names_with_blanks_are_ingested_as_they_are(
    header: str, tmp_path: Path, home: Path
) -> None:
    """The specs read the same file; that requests need the blanks is told."""
    text = f"{header}\n{binary().to_csv(index=False, header=False)}"
    file = tmp_path / "flights.csv"
    file.write_text(text)
    plan = planned(file)
    assert any("blanks belong to the name, in requests as well" in one for one in plan.doubts)
    spec = written(plan, home).datasets["flights"]
    env = IngestEnv(spec=spec.model_copy(update={"arrival": Arrival(settle_seconds=0)}))
    verdict = env.deliver("features/x.csv", text.encode())
    assert verdict.action == "ingested", verdict.reason
    assert verdict.numbers["quarantined"] == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_breaks_in_the_quotes_of_a_header_belong_to_the_names(
    end: str, tmp_path: Path, home: Path
) -> None:
    """The header is a row, as ingestion reads it, and no line stands before the table."""
    header = f'"Size{end}m2",rooms,"district{end}{end}of town",sold'
    text = f"{header}{end}{binary().to_csv(index=False, header=False, lineterminator=end)}"
    file = tmp_path / "flights.csv"
    file.write_bytes(text.encode())
    plan = planned(file)
    assert plan.dialect is not None
    assert plan.dialect.skip_lines == 0
    assert list(plan.columns) == [f"Size{end}m2", "rooms", f"district{end}{end}of town", "sold"]
    assert plan.target.column == "sold"
    spec = written(plan, home).datasets["flights"]
    env = IngestEnv(spec=spec.model_copy(update={"arrival": Arrival(settle_seconds=0)}))
    verdict = env.deliver("features/x.csv", text.encode())
    assert verdict.action == "ingested", verdict.reason
    assert verdict.numbers["quarantined"] == 0


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path, home: Path) -> None:
    """Nobody may ever write into it, and its format is told by bytes that are gone then."""
    del home
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    result = CliRunner().invoke(commands, ["new", str(pipe), "--yes"])
    assert result.exit_code == 1
    assert "expected: a regular file" in result.output
    assert f"where: {pipe}" in result.output


def test_times_of_long_ago_are_times(tmp_path: Path) -> None:
    """Terms of office from 1867 on, of which some end at the microsecond of a download."""
    frame = binary()
    days = pd.date_range("1867-10-23", periods=len(frame), freq="97D")
    frame["start"] = days.strftime("%Y-%m-%d %H:%M:%S")
    frame["end"] = [*frame["start"][1:], "2013-10-01 22:20:10.165196"]
    plan = planned(csv_file(frame, tmp_path / "terms.csv"), target="sold")
    assert plan.columns["start"].column.type == "timestamp"
    assert plan.columns["end"].column.type == "timestamp"
    assert plan.time.columns == ("start",)
