"""`slipway new`: whole numbers that are written with a fraction, as pandas and R have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.measured import Column
from slipway.wiring.new_specs import profile_file
from slipway.wiring.opened_file import open_file
from tests.support.new_specs import ROWS, binary, csv_file, planned, roles, written


def columns_of(frame: pd.DataFrame, file: Path) -> dict[str, Column]:
    """Columns of a file as they are measured."""
    if file.suffix == ".parquet":
        frame.to_parquet(file, index=False)
    else:
        frame.to_csv(file, index=False)
    return dict(profile_file(open_file(file)).measured.columns)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_whole_numbers_with_missing_values_are_integers(suffix: str, tmp_path: Path) -> None:
    """Years and identifiers without missing ones, too; measured values stay numbers."""
    count = np.arange(ROWS, dtype="float64")
    frame = binary().assign(
        year=1990 + count % 20,
        visits=np.where(count % 9 == 0, np.nan, count % 7),
        weight=count % 30,
        speed=np.where(count % 9 == 0, np.nan, count / 4),
    )
    found = columns_of(frame, tmp_path / f"a.{suffix}")
    types = {name: found[name].type for name in ("year", "visits", "weight", "speed")}
    assert types == {"year": "integer", "visits": "integer", "weight": "number", "speed": "number"}
    assert "whole ones alone" in found["year"].guess.why
    assert found["visits"].known == frame["visits"].notna().sum()


def test_an_identifier_with_a_fraction_of_zero_is_no_feature(tmp_path: Path, home: Path) -> None:
    """Complete it is the key; with one missing it is left out, as an integer would be."""
    rng = np.random.default_rng(4)
    numbers = rng.permutation(np.arange(20_000, 20_000 + ROWS)).astype("float64")
    plan = planned(csv_file(binary().assign(id=numbers), tmp_path / "a.csv"), target="sold")
    assert plan.key.columns == ("id",)
    assert written(plan, home).datasets["data_a"].streams.features.columns["id"].type == "integer"
    numbers[7] = np.nan
    plan = planned(csv_file(binary().assign(id=numbers), tmp_path / "b.csv"), target="sold")
    assert roles(plan)["id"] == "left out"
    written(plan, home)


def test_parts_of_a_time_may_be_doubles(tmp_path: Path, home: Path) -> None:
    """As R writes them to Parquet."""
    times = pd.date_range("2001-01-01", periods=ROWS, freq="31h")
    frame = binary().assign(
        year=times.year.astype("float64"),
        month=times.month.astype("float64"),
        day=times.day,
        hour=times.hour.astype("float64"),
    )
    frame.to_parquet(tmp_path / "houses.parquet", index=False)
    plan = planned(tmp_path / "houses.parquet", target="sold")
    assert plan.time.columns == ("year", "month", "day", "hour")
    written(plan, home)


@pytest.mark.parametrize(
    "names",
    [
        ("Jahr", "Monat", "Tag"),
        ("año", "mes", "día"),
        ("yyyy", "mm", "dd"),
        ("yr", "mnth", "dy"),
        ("YrSold", "MoSold", "DaySold"),
    ],
)
def test_parts_of_a_day_may_be_doubles_in_any_language(
    names: tuple[str, str, str], tmp_path: Path
) -> None:
    """As pandas writes them once a join has left one missing."""
    days = pd.date_range("2001-01-01", periods=ROWS, freq="D")
    parts = {
        name: getattr(days, part).astype("float64")
        for name, part in zip(names, ("year", "month", "day"), strict=True)
    }
    plan = planned(csv_file(binary().assign(**parts), tmp_path / "a.csv"), target="sold")
    assert plan.time.columns == names
    assert {plan.measured.columns[name].type for name in names} == {"integer"}


def test_measured_values_are_no_parts_of_a_day(tmp_path: Path) -> None:
    """Millimetres, minima and diameters that are whole for a while, and years beyond any."""
    count = np.arange(ROWS, dtype="float64")
    measured = {
        "rain_mm": count % 12 + 1,
        "min_temp": count % 30,
        "min": count % 59,
        "dia_in": count % 9 + 1,
        "Jahr": count * 7,
    }
    found = columns_of(binary().assign(**measured, other=count), tmp_path / "a.csv")
    types = {name: found[name].type for name in measured}
    assert types == dict.fromkeys(("rain_mm", "min_temp", "min", "dia_in"), "number") | {
        "Jahr": "integer"
    }
