"""`slipway new`: what is known of a row beforehand is no likely target, nor the next likeliest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.target import TargetGuess
from slipway.wiring.new_specs import profile_file
from slipway.wiring.opened_file import open_file

RNG = np.random.default_rng(4)
ROWS = 150


def _guessed(frame: pd.DataFrame, folder: Path) -> TargetGuess:
    file = folder / "x.csv"
    frame.to_csv(file, index=False)
    return plan_target(profile_file(open_file(file)).measured, asked=None)


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
