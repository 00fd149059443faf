"""`slipway new`: keys of several columns, of files without a time and with one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from slipway.stages.profile.new_specs import NewSpecs
from tests.support.new_specs import csv_file, planned, written

YEARS = range(1990, 2010)
TEAMS = [f"FC {name}" for name in ("Ulm", "Bonn", "Jena", "Trier", "Essen", "Aalen")]


def plan_of(frame: pd.DataFrame, folder: Path) -> NewSpecs:
    """The plan of a file of goals; its rows in no order."""
    rng = np.random.default_rng(8)
    goals = rng.integers(0, 60, len(frame)) + np.where(frame.iloc[:, 0] == frame.iloc[0, 0], 9, 0)
    mixed = frame.assign(ab=rng.integers(0, 999, len(frame)), goals=goals).sample(
        frac=1, random_state=1
    )
    return planned(csv_file(mixed, folder / "games.csv"), target="goals")


def test_an_identifier_and_a_year_are_the_key(tmp_path: Path, home: Path) -> None:
    """A panel: each thing once a year."""
    frame = pd.DataFrame(product(range(100, 160), YEARS), columns=["id", "year"])
    plan = plan_of(frame, tmp_path)
    assert plan.key.columns == ("id", "year")
    assert written(plan, home).datasets["games"].key == ["id", "year"]


def test_a_number_that_counts_within_the_others_is_a_part(tmp_path: Path, home: Path) -> None:
    """A player who changed the team has a second row in that year; measured numbers are none."""
    rows = [
        (f"player{one}", year, stint)
        for one, year in product(range(60), YEARS)
        for stint in range(1, 3 if (one + year) % 11 == 0 else 2)
    ]
    frame = pd.DataFrame(rows, columns=["id", "year", "stint"])
    plan = plan_of(frame, tmp_path)
    assert plan.key.columns == ("id", "year", "stint")
    written(plan, home)


def test_names_with_a_year_are_the_key_and_names_alone_are_not(tmp_path: Path, home: Path) -> None:
    """Two teams play at each one's place once a year."""
    pairs = [(one, two, year) for one, two in product(TEAMS, TEAMS) if one != two for year in YEARS]
    frame = pd.DataFrame(pairs, columns=["HomeTeam", "AwayTeam", "Year"])
    plan = plan_of(frame, tmp_path)
    assert plan.key.columns == ("HomeTeam", "AwayTeam", "Year")
    written(plan, home)
    alone = plan_of(frame[frame["Year"] == 1995].drop(columns="Year"), tmp_path)
    assert alone.key.columns == ()


def test_what_is_different_by_chance_is_no_key(tmp_path: Path) -> None:
    """Prose with any year, few rows of many values; the plan says what was looked for."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "title": [f"a film of {one} days" for one in range(300)],
            "year": rng.choice(YEARS, 300),
        }
    )
    frame.loc[5, "title"] = frame.loc[6, "title"]
    plan = plan_of(frame, tmp_path)
    assert plan.key.columns == ()
    assert "nor do two or three names, codes, times or counts together" in plan.key.why


def test_a_unique_text_makes_no_key_with_a_time(tmp_path: Path) -> None:
    """It would be unique with anything."""
    frame = pd.DataFrame(
        {
            "remark": [f"a note of {one} words" for one in range(300)],
            "day": pd.date_range("2024-01-01", periods=6, freq="D").repeat(50).astype(str),
        }
    )
    plan = plan_of(frame, tmp_path)
    assert plan.time.columns == ("day",)
    assert plan.key.columns == ()
