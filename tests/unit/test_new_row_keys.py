"""`slipway new` and `slipway check`: a row as the key covers what a request can have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.roles import Chosen
from slipway.stages.profile.row_cover import outside_row_key
from tests.support.command_line import Make, slipway
from tests.support.new_specs import ROWS, binary, csv_file, planned, written
from tests.support.small_specs import DATASET, FILES, MODEL


def sales(**more: object) -> pd.DataFrame:
    """Houses, with a column that tells whether they are sold, and one that is known later."""
    frame = binary().assign(
        deed=lambda one: np.where(one["sold"] == "yes", "A", "B"),
        opened=pd.date_range("2024-01-01", periods=ROWS // 50, freq="D").repeat(50).astype(str),
        closed=pd.date_range("2024-03-01", periods=ROWS, freq="h").astype(str),
    )
    return frame.assign(**more)


def covered(folder: Path, home: Path, frame: pd.DataFrame) -> set[str]:
    """Columns of the key of a file's rows, as the dataset that is written has it."""
    plan = planned(csv_file(frame, folder / "houses.csv"), target="sold")
    assert plan.key.columns == ()
    made = written(plan, home).datasets["houses"]
    assert made.key == "row"
    return {part.name for part in made.identity.key.parts}


def test_leaks_are_no_part_of_the_key(tmp_path: Path, home: Path) -> None:
    """A request without them has the key, and the comments say why they are left out."""
    assert covered(tmp_path, home, sales()) == {"Size m2", "rooms", "district", "opened"}
    text = (home / "include/datasets/houses/dataset.yaml").read_text()
    [line] = [one for one in text.splitlines() if one.startswith("      deed:")]
    assert "in_key: false" in line
    assert "it leaks the target" in line
    assert slipway("check").output.count("warning: include/datasets") == 0


def test_a_name_tells_rows_apart_that_are_equal_otherwise(tmp_path: Path, home: Path) -> None:
    """So it stays in the key, and `check` says that requests have to send it; leaks do not."""
    frame = sales(house=[f"house {one} at the sea" for one in range(ROWS)])
    frame = frame.drop(columns=["opened", "closed"])
    frame["Size m2"] += np.arange(ROWS) / 1e4
    assert "house" not in covered(tmp_path, home, frame)
    (home / "include/datasets/houses/dataset.yaml").unlink()
    for folder in ("datasets/houses", "models/houses_sold"):
        for file in (home / "include" / folder).glob("*"):
            file.unlink()
    frame["Size m2"] = np.where(frame["sold"] == "yes", 100.0, 60.0) + frame["rooms"] % 2
    names = covered(tmp_path, home, frame)
    assert "house" in names
    assert "deed" not in names
    assert "key: the row covers house, which no model takes" in slipway("check").output


def test_a_named_key_covers_all_columns_that_it_names(tmp_path: Path) -> None:
    """Nothing is said of others."""
    frame = sales(house_id=range(500, 500 + ROWS))
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    assert outside_row_key(plan.columns, plan.key, plan.time) == frozenset()
    chosen: dict[str, Chosen] = dict(plan.columns)
    assert [name for name, one in chosen.items() if one.is_leak] == ["deed"]


def test_check_warns_of_columns_that_no_request_has_to_have(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, also in JSON; not of those of the event time, nor before there is a model."""
    row = DATASET.replace("key: id", "key: row").replace(
        "  labels:\n    columns:\n      id: {type: string}\n",
        "  labels:\n    from: features\n    columns:\n",
    )
    files = {"datasets/shop/dataset.yaml": row}
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project({**FILES, **files})))
    warning = "include/datasets/shop/dataset.yaml: key: the row covers id, which no model takes"
    assert f"warning: {warning}: a request without them has no key" in slipway("check").output
    [told] = [
        one for one in json.loads(slipway("check", "--json").output)["warnings"] if "key:" in one
    ]
    assert told.startswith(warning)
    left = row.replace("id: {type: string}", "id: {type: string, in_key: false}")
    project({"datasets/shop/dataset.yaml": left, "models/sales/model.yaml": MODEL})
    assert "the row covers" not in slipway("check").output
