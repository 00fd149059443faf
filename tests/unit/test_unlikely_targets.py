"""`slipway new`: what is known of a row beforehand is no likely target, nor the next likeliest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.quick_fit import fit_quickly
from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.target import TargetGuess
from slipway.wiring.new_specs import profile_file
from slipway.wiring.opened_file import open_file
from tests.support.new_specs import csv_file, planned

RNG = np.random.default_rng(4)
ROWS = 150


def _written(frame: pd.DataFrame, folder: Path) -> Path:
    return csv_file(frame, folder / "x.csv")


def _guessed(frame: pd.DataFrame, folder: Path) -> TargetGuess:
    return plan_target(profile_file(open_file(_written(frame, folder))).measured, asked=None)


@pytest.mark.parametrize("last", ["day", "Month", "weekday", "day_of_week", "sex", "age"])
def test_parts_of_a_date_and_of_a_person_are_no_targets(last: str, tmp_path: Path) -> None:
    """Though they stand last: the number before them is what was measured."""
    values = RNG.choice(["f", "m"], ROWS) if last == "sex" else RNG.integers(1, 8, ROWS)
    frame = pd.DataFrame(
        {
            "wind": RNG.normal(9, 3, ROWS).round(2),
            "ozone": RNG.lognormal(3, 1, ROWS).round(2),
            last: values,
        }
    )
    assert _guessed(frame, tmp_path).column != last


def test_a_column_for_which_nothing_speaks_is_not_named_as_the_next(tmp_path: Path) -> None:
    """The first column of a file is none by its place alone; one that is named so is."""
    frame = pd.DataFrame(
        {
            "crim": RNG.lognormal(0, 1, ROWS).round(3),
            "rooms": RNG.normal(6, 1, ROWS).round(2),
            "medv": RNG.normal(22, 8, ROWS).round(1),
        }
    )
    guess = _guessed(frame, tmp_path)
    assert (guess.column, guess.runner_up) == ("medv", None)
    guess = _guessed(frame.rename(columns={"rooms": "sales"}), tmp_path)
    assert (guess.column, guess.runner_up) == ("medv", "sales")


@pytest.mark.parametrize(("bad", "good"), [(" positive", "negative"), ("fail ", " pass")])
def test_values_with_blanks_say_what_became_of_a_row(bad: str, good: str, tmp_path: Path) -> None:
    """A rare class that is hard to tell is the target, and not what the others tell best."""
    kind = RNG.choice(["a", "b", "c"], ROWS)
    frame = pd.DataFrame(
        {
            "kind": kind,
            "length": (kind == "a") * 5.0 + RNG.normal(9, 1, ROWS).round(2),
            "last": np.where(RNG.random(ROWS) < 0.15, bad, good),
        }
    )
    profiled = profile_file(open_file(_written(frame, tmp_path))).measured
    guess = plan_target(profiled, asked=None, fit=fit_quickly)
    assert guess.column == "last"
    assert str(guess.positive).strip() == bad.strip()


def test_a_code_that_another_column_determines_is_no_target(tmp_path: Path) -> None:
    """The others tell all of it, since they name the same thing."""
    countries = RNG.integers(0, 15, 300)
    regime = RNG.random(300) < 0.5
    frame = pd.DataFrame(
        {
            "country": [f"land {one}" for one in countries],
            "code2": countries * 17 + 3,
            "wealth": regime * 2 + RNG.normal(0, 1, 300).round(3),
            "seen": RNG.integers(0, 2, 300),
        }
    )
    profiled = profile_file(open_file(_written(frame, tmp_path))).measured
    guess = plan_target(profiled, asked=None, fit=fit_quickly)
    assert guess.column != "code2"
    # A person may still ask for it.
    assert plan_target(profiled, asked="code2", fit=fit_quickly).column == "code2"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("train", [True, False]),
        ("is_test", [0, 1]),
        ("cv fold", [1, 2, 3]),
        ("part", ["train", "test"]),
    ],
)
def test_marks_of_a_split_are_neither_target_nor_feature(
    name: str, values: list[object], tmp_path: Path
) -> None:
    """Though they stand last and alone have classes."""
    frame = pd.DataFrame(
        {
            "wind": RNG.normal(9, 3, ROWS).round(2),
            "ozone": RNG.lognormal(3, 1, ROWS).round(2),
            name: [values[one % len(values)] for one in range(ROWS)],
        }
    )
    plan = planned(_written(frame, tmp_path))
    assert plan.target.column == "ozone"
    assert plan.columns[name].role == "left out"
    assert "marks the rows of a split" in plan.columns[name].why


def test_a_test_of_a_patient_is_no_mark_of_a_split(tmp_path: Path) -> None:
    """Nor is a train that was late."""
    frame = pd.DataFrame(
        {
            "glucose": RNG.normal(90, 20, ROWS).round(1),
            "train colour": RNG.choice(["a", "b"], ROWS),
            "test": RNG.integers(0, 2, ROWS),
        }
    )
    assert _guessed(frame, tmp_path).column == "test"
    assert planned(_written(frame, tmp_path)).columns["train colour"].role == "category"


def test_a_call_that_was_made_is_a_likely_target(tmp_path: Path) -> None:
    """An answer to an application stands among many other columns of yes and no."""
    answers = {
        name: RNG.choice(["yes", "no"], ROWS) for name in ("honors", "call", "holes", "email")
    }
    quality = RNG.choice(["low", "high"], ROWS)
    frame = pd.DataFrame({"honors": answers.pop("honors"), "quality": quality, **answers})
    guess = _guessed(frame, tmp_path)
    assert (guess.column, guess.runner_up) == ("call", "quality")
