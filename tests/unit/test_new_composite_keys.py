"""`slipway new`: keys of several columns, of files without a time and with one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.new_specs import NewSpecs
from tests.support.new_specs import csv_file, planned, written

YEARS = range(1990, 2010)
RNG = np.random.default_rng(3)
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


def test_a_panel_of_numbered_things_is_known_by_its_grid(tmp_path: Path, home: Path) -> None:
    """No name says what identifies a row, but each thing has each year once."""
    frame = pd.DataFrame(product(range(1, 49), YEARS), columns=["state", "year"])
    plan = plan_of(frame.drop([5, 77]).reset_index(drop=True), tmp_path)
    assert plan.key.columns == ("state", "year")
    assert plan.time.columns == ("year",)
    written(plan, home)


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
    assert "nor do two to four names, codes, times or counts together" in plan.key.why


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


def _people_of_towns() -> pd.DataFrame:
    """How many people live in each town, by year, age and sex, with years that lie ahead."""
    parts = [range(100, 112), range(2000, 2060, 6), ["f", "m"], ["0-19", "20-59", "60+"]]
    frame = pd.DataFrame(list(product(*parts)), columns=["TownID", "Year", "Sex", "Ages"])
    return frame.assign(people=RNG.integers(100, 90_000, len(frame)))


def test_four_columns_are_a_key_and_its_year_the_event_time(tmp_path: Path, home: Path) -> None:
    """Each town has several rows a year; years ahead are projections."""
    plan = planned(csv_file(_people_of_towns(), tmp_path / "towns.csv"), target="people")
    assert plan.key.columns == ("TownID", "Year", "Sex", "Ages")
    assert plan.time.columns == ("Year",)
    assert plan.sizes.split == "time"
    spec = written(plan, home).datasets["towns"]
    assert list(spec.key) == ["TownID", "Year", "Sex", "Ages"]


def test_a_key_that_the_whole_file_repeats_is_made_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of every second row has each age of one sex alone, so three columns seem to do."""
    monkeypatch.setattr("slipway.wiring.new_specs.MOST_SAMPLED", 360)
    file = csv_file(_people_of_towns(), tmp_path / "towns.csv")
    plan = planned(file, target="people")
    assert plan.measured.sampled < plan.measured.rows
    assert plan.key.columns == ("TownID", "Year", "Sex", "Ages")
    twice = pd.concat([_people_of_towns(), _people_of_towns()[-1:]])
    plan = planned(csv_file(twice, tmp_path / "twice.csv"), target="people")
    assert plan.key.columns == ()
    assert "rows of the file repeat it" in plan.key.why


def test_four_columns_that_are_different_by_chance_are_no_key(tmp_path: Path) -> None:
    """Nor is a year of something else, such as the one a house was built in."""
    rows = 300
    frame = pd.DataFrame(
        {
            "agentID": RNG.integers(0, 40, rows),
            "Year": RNG.integers(1900, 2020, rows),
            "street": [f"s{one}" for one in RNG.integers(0, 60, rows)],
            "colour": [f"c{one}" for one in RNG.integers(0, 20, rows)],
            "price": RNG.normal(300, 40, rows).round(2),
        }
    )
    frame.loc[1, ["agentID", "Year", "street"]] = frame.loc[0, ["agentID", "Year", "street"]]
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="price")
    assert len(plan.key.columns) < 4
