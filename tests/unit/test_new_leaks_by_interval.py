"""`slipway new`: a number of which the classes of the target are intervals is named as a leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from slipway.stages.profile.column_types import TypeGuess
from slipway.stages.profile.interval_leaks import interval_leaks
from slipway.stages.profile.measured import Column
from tests.support.new_specs import csv_file, planned, written

RNG = np.random.default_rng(7)
WEIGHT = RNG.normal(2950, 730, 189).round()


def _found(values: np.ndarray, target: np.ndarray) -> dict[str, str]:
    kinds = TypeGuess("number", ""), TypeGuess("string", "")
    columns = [
        Column(name, at, kinds[at], pd.Series(cells))
        for at, (name, cells) in enumerate({"x": values, "y": target}.items())
    ]
    return interval_leaks({"x": columns[0]}, columns[1])


def test_a_threshold_that_makes_two_classes_is_named(tmp_path: Path, home: Path) -> None:
    """A birth weight below 2500 is what `low` means; the file says so."""
    frame = pd.DataFrame({"age": RNG.integers(15, 45, 189), "bwt": WEIGHT.astype(int)})
    frame["low"] = (frame["bwt"] < 2500).astype(int)
    plan = planned(csv_file(frame, tmp_path / "births.csv"), target="low")
    assert plan.columns["bwt"].role == "left out"
    ends = frame.loc[frame["low"] == 1, "bwt"].max(), frame.loc[frame["low"] == 0, "bwt"].min()
    told = f"a threshold tells each class without an error: 1 up to {ends[0]}, 0 from {ends[1]}"
    assert told in plan.columns["bwt"].why
    assert plan.columns["age"].role == "number"
    written(plan, home)
    assert told in (home / f"include/models/{plan.model}/model.yaml").read_text()


def test_intervals_that_make_several_classes_are_named() -> None:
    """Of four classes each, of more their number; in either direction."""
    several = np.select([WEIGHT < 2500, WEIGHT < 3000], ["low", "mid"], "high")
    told = _found(WEIGHT, several)["x"]
    assert told.startswith("intervals tell each class without an error: low up to 24")
    assert ", mid from 25" in told
    many = (WEIGHT // 300).clip(6, 12).astype(int).astype(str)
    assert "each of the 7 classes has an interval of it" in _found(WEIGHT, many)["x"]
    assert "0 up to" in _found(-WEIGHT, (WEIGHT < 2500).astype(int))["x"]


def test_one_row_on_the_wrong_side_is_no_threshold() -> None:
    """Nor is one class among several that a number sets apart, nor a class of few rows."""
    low = np.where(WEIGHT < 2500, "a", "b")
    low[int(np.argmax(WEIGHT))] = "a"
    assert _found(WEIGHT, low) == {}
    one = np.where(WEIGHT < 2500, "a", RNG.choice(["b", "c"], len(WEIGHT)))
    assert _found(WEIGHT, one) == {}
    rare = np.where(np.sort(WEIGHT)[-3] <= WEIGHT, "a", "b")
    assert _found(WEIGHT, rare) == {}
    assert _found(WEIGHT[:20], np.where(WEIGHT[:20] < 2900, "a", "b")) == {}
