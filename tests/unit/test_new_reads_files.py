"""`slipway new`: files as people have them are read, and what is no table is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from tests.support.new_specs import ROWS, binary, csv_file, planned, table, written

WAYS: dict[str, Callable[[pd.DataFrame, Path], Path]] = {
    "plain": lambda f, d: csv_file(f, d / "houses.csv"),
    "semicolons and commas": lambda f, d: csv_file(f, d / "houses.csv", sep=";", decimal=","),
    "tabs": lambda f, d: csv_file(f, d / "houses.tsv", sep="\t"),
    "tabs in csv": lambda f, d: csv_file(f, d / "houses.csv", sep="\t"),
    "bars": lambda f, d: csv_file(f, d / "houses.csv", sep="|"),
    "single quotes": lambda f, d: csv_file(f, d / "houses.csv", quotechar="'", quoting=1),
    "quoted": lambda f, d: csv_file(f, d / "houses.csv", quoting=1),
    "cp1252": lambda f, d: csv_file(
        f.rename(columns={"rooms": "Räume"}), d / "h.csv", encoding="cp1252"
    ),
    "utf-16": lambda f, d: csv_file(f, d / "houses.csv", encoding="utf-16"),
    "a mark in front": lambda f, d: csv_file(f, d / "houses.csv", encoding="utf-8-sig"),
    "no header": lambda f, d: csv_file(f, d / "houses.data", header=False),
    "a title above": lambda f, d: _titled(f, d / "houses.csv"),
    "an index without a name": lambda f, d: csv_file(f, d / "houses.csv", index=True),
    "question marks": lambda f, d: csv_file(f, d / "houses.csv", na_rep="?"),
    "NA": lambda f, d: csv_file(f, d / "houses.csv", na_rep="NA"),
    "gzip": lambda f, d: csv_file(f, d / "houses.csv.gz"),
    "JSON Lines": lambda f, d: _json(f, d / "houses.jsonl"),
    "Parquet": lambda f, d: _parquet(f, d / "houses.parquet"),
}


def _titled(frame: pd.DataFrame, path: Path) -> Path:
    path.write_text("Houses of the town\n\n" + frame.to_csv(index=False))
    return path


def _json(frame: pd.DataFrame, path: Path) -> Path:
    lines = [
        json.dumps({name: None if pd.isna(cell) else cell for name, cell in row.items()})
        for row in frame.to_dict("records")
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_read_as_it_was_written(way: str, tmp_path: Path, home: Path) -> None:
    """Dialect, encoding, header and missing marks; the specs pass the check."""
    frame = binary()
    frame.loc[::17, "Size m2"] = None
    frame.loc[::19, "district"] = None
    plan = planned(WAYS[way](frame, tmp_path))
    assert plan.measured.rows == ROWS
    kinds = [one.role for one in plan.columns.values()]
    assert kinds == ["number", "number", "category", "target"]
    size, _, district, _ = plan.columns.values()
    assert size.column.type == "number"
    assert size.column.known == frame["Size m2"].notna().sum()
    assert district.column.distinct == 3
    assert district.column.known == frame["district"].notna().sum()
    loaded = written(plan, home)
    assert list(loaded.models) == [plan.model]


def test_sentinels_and_marks_are_missing_values(tmp_path: Path, home: Path) -> None:
    """A number far away from all others, and words among numbers."""
    frame = table()
    frame.loc[::11, "Size m2"] = -9999
    frame["rooms"] = frame["rooms"].astype(object)
    frame.loc[::13, "rooms"] = "unknown"
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    assert plan.marks == ("-9999", "-9999.0", "unknown")
    assert plan.columns["rooms"].column.type == "integer"
    assert plan.columns["Size m2"].column.sample.min() > 0
    assert written(plan, home).datasets["houses"].csv.missing == list(plan.marks)
    frame = table()
    frame.loc[::11, "Size m2"] = -200
    plan = planned(csv_file(frame, tmp_path / "komma.csv", sep=";", decimal=","))
    assert plan.marks == ("-200", "-200,0")
    assert "-200 means a missing value in every column: `csv.missing` of dataset.yaml" in (
        plan.doubts
    )
    assert plan.columns["Size m2"].column.sample.min() > 0


def test_names_of_any_kind_are_declared_or_named(tmp_path: Path, home: Path) -> None:
    """Names that no table can hold are said to be never read."""
    frame = binary()
    frame.columns = ["yes", "1st: room # [m²]", 'a "b" \\ c', "sold"]
    frame = frame.assign(_hidden=1, SOLD_=2, **{" sold": 3})
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    assert set(plan.measured.left_out) == {"_hidden", " sold"}
    assert {one.partition(" is not read: ")[0] for one in plan.doubts} >= {"_hidden", " sold"}
    columns = written(plan, home).datasets["houses"].streams.features.columns
    assert {"yes", "1st: room # [m²]", 'a "b" \\ c'} <= columns.keys()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x y z\n1 2 3\n", "is no table"),
        ("a.xlsx", b"PK", "save the sheet as CSV"),
        ("a.csv.gz", b"no gzip", "no gzip"),
        ("a.csv", b"one,two\n1,2\n", "no column can be predicted"),
    ],
)
def test_what_is_no_table_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path, home: Path
) -> None:
    """With what was expected, and no traceback."""
    del home
    (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(commands, ["new", str(tmp_path / name), "--yes"])
    assert result.exit_code == 1
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_sample_is_spread_over_a_long_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is sorted by its target shows every class, and its rows are counted."""
    monkeypatch.setattr("slipway.wiring.new_specs.MOST_SAMPLED", 1000)
    frame = binary(90_000).sort_values("sold")
    path = tmp_path / "houses.csv.gz"
    with gzip.open(path, "wt") as stream:
        frame.to_csv(stream, index=False)
    plan = planned(path)
    assert plan.measured.rows == 90_000
    assert 400 < plan.measured.sampled <= 1000
    share = (frame["sold"] == "yes").mean()
    assert plan.shares["yes"] == pytest.approx(share, abs=0.02)


def test_what_a_sample_left_out_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that repeats between the sampled rows is none, and a late fraction makes a number."""
    monkeypatch.setattr("slipway.wiring.new_specs.MOST_SAMPLED", 1000)
    frame = binary(4000)
    frame.insert(0, "house_id", np.arange(4000) // 2 * 2)
    frame["floor"] = pd.Series([one % 9 for one in range(4000)], dtype=object)
    frame.loc[3, "floor"] = 1.5
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    assert plan.measured.sampled == 1000
    assert plan.key.columns == ()
    assert plan.columns["house_id"].role == "left out"
    assert plan.columns["floor"].column.type == "number"
