"""`slipway new`: columns that make the target together, or a column that leaks it, are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.new_specs import csv_file, planned, roles

RNG = np.random.default_rng(11)
ROWS = 600


def _orders() -> pd.DataFrame:
    """Orders by three ways, none of which tells the total alone."""
    parts = {
        name: RNG.gamma(1.2, 40, ROWS).round().astype(int) for name in ("shop", "web", "phone")
    }
    return pd.DataFrame({"staff": RNG.integers(2, 30, ROWS), **parts})


def _left_out(frame: pd.DataFrame, path: Path) -> set[str]:
    found = roles(planned(csv_file(frame, path), target="total"))
    return {name for name, role in found.items() if role == "left out"}


def test_three_columns_whose_sum_is_the_target_are_left_out(tmp_path: Path) -> None:
    """And three of which one is taken away; a column beside them is kept."""
    frame = _orders()
    frame["total"] = frame["shop"] + frame["web"] + frame["phone"]
    plan = planned(csv_file(frame, tmp_path / "sums.csv"), target="total")
    found = roles(plan)
    assert {name for name, role in found.items() if role == "left out"} == {"shop", "web", "phone"}
    assert plan.columns["web"].why.endswith("the target is its sum with shop and phone")
    frame["total"] = frame["shop"] - frame["web"] + frame["phone"]
    assert _left_out(frame, tmp_path / "difference.csv") == {"shop", "web", "phone"}


def test_parts_that_are_mostly_zero_are_left_out(tmp_path: Path) -> None:
    """As the costs of accidents are, of which most have none."""
    frame = _orders()
    for name, share in {"shop": 0.03, "web": 0.02}.items():
        frame[name] *= RNG.random(ROWS) < share
    frame.loc[3, ["shop", "web"]] = 90, 40
    frame["total"] = frame["shop"] + frame["web"]
    assert _left_out(frame, tmp_path / "sparse.csv") == {"shop", "web"}


def test_the_parts_of_a_column_that_leaks_the_target_are_left_out(tmp_path: Path) -> None:
    """Without it they would tell as much, exactly or nearly."""
    frame = _orders()
    frame["remote"] = frame["web"] + frame["phone"]
    frame["total"] = frame["shop"] + frame["remote"]
    every = {"shop", "web", "phone", "remote"}
    assert _left_out(frame, tmp_path / "exact.csv") == every
    unknown = (RNG.random(ROWS) < 0.5) * RNG.integers(1, 4, ROWS)
    frame["remote"] += unknown
    frame["total"] += unknown
    assert _left_out(frame, tmp_path / "nearly.csv") == every
    four = _orders().assign(fax=RNG.gamma(1.2, 40, ROWS).round().astype(int))
    four["remote"] = four["web"] + four["phone"] + four["fax"]
    four["total"] = four["shop"] + four["remote"]
    four["remote in dozens"] = four["remote"] / 12
    assert _left_out(four, tmp_path / "four.csv") == every | {"fax", "remote in dozens"}


def test_a_sum_that_holds_on_most_rows_is_to_be_looked_at(tmp_path: Path) -> None:
    """Its parts are kept, since some rows have another target."""
    frame = _orders()
    others = RNG.random(ROWS) < 0.1
    frame["total"] = np.where(others, RNG.integers(0, 900, ROWS), frame["shop"] + frame["web"])
    plan = planned(csv_file(frame, tmp_path / "most.csv"), target="total")
    assert roles(plan)["shop"] == roles(plan)["web"] == "number"
    told = [one for one in plan.doubts if "the sum of shop and web" in one]
    assert len(told) == 1
    assert told[0].startswith("the target is on ")


@pytest.mark.parametrize("kind", ["noise", "lags", "zero"])
def test_columns_that_are_near_the_target_by_chance_are_kept(tmp_path: Path, kind: str) -> None:
    """A true cause with noise, earlier values of a series, and a part that is always zero."""
    frame = _orders()
    if kind == "noise":
        frame["total"] = frame["shop"] + frame["web"] + RNG.integers(-40, 40, ROWS)
    elif kind == "lags":
        series = np.cumsum(RNG.normal(0, 1, ROWS + 3)).round(2)
        frame = pd.DataFrame({f"lag {at}": series[3 - at : ROWS + 3 - at] for at in (1, 2, 3)})
        frame["total"] = series[3:] + RNG.normal(0, 3, ROWS).round(2)
    else:
        frame["phone"] = [1, *[0] * (ROWS - 1)]
        frame["total"] = frame["shop"] + frame["web"]
        assert "phone" not in _left_out(frame, tmp_path / "zero.csv")
        return
    assert _left_out(frame, tmp_path / "kept.csv") == set()
