"""`slipway new`: what a follow-up ends with is left out, and a column that tells all is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.protected_attributes import is_protected
from slipway.stages.profile.quick_model import Reached
from slipway.stages.profile.single_columns import single_columns
from slipway.stages.profile.survival_names import is_known_at_the_end, is_of_survival
from slipway.wiring.new_specs import profile_file
from slipway.wiring.opened_file import open_file
from tests.support.new_specs import csv_file, planned, roles

RNG = np.random.default_rng(23)
ROWS = 800


def _patients() -> pd.DataFrame:
    """Patients with a time until a relapse and one until death, or the end of the study."""
    dead = RNG.random(ROWS) < 0.4
    ends = np.where(dead, RNG.gamma(2, 200, ROWS), RNG.gamma(9, 200, ROWS)).round()
    relapsed = np.where(dead, RNG.random(ROWS) < 0.9, RNG.random(ROWS) < 0.2)
    return pd.DataFrame(
        {
            "age": RNG.integers(30, 80, ROWS),
            "size": RNG.normal(30, 9, ROWS).round() + dead * 2,
            "daytime": RNG.integers(0, 24, ROWS),
            "reltime": np.where(relapsed, ends * 0.6, ends).round(),
            "censrel": relapsed.astype(int),
            "survtime": ends,
            "censdead": dead.astype(int),
        }
    )


def test_durations_until_an_outcome_and_other_outcomes_are_left_out(tmp_path: Path) -> None:
    """Where they tell of the target; a measurement beside them is kept."""
    plan = planned(csv_file(_patients(), tmp_path / "study.csv"), target="censdead")
    found = roles(plan)
    assert {name for name, role in found.items() if role == "left out"} == {
        "reltime",
        "censrel",
        "survtime",
    }
    assert "known only when a follow-up has ended" in plan.columns["reltime"].why


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("survtime", True),
        ("Survival_Months", True),
        ("censored", True),
        ("time_to_death", True),
        ("days until relapse", True),
        ("follow-up", True),
        ("futime", True),
        ("survey", False),
        ("census_tract", False),
        ("days_to_maturity", False),
        ("time", False),
        ("status", False),
    ],
)
def test_names_of_survival_are_told_from_others(name: str, is_it: bool) -> None:  # noqa: FBT001
    """A survey, a census and a maturity are known beforehand."""
    assert is_of_survival(name) is is_it


def test_other_durations_are_known_at_the_end_beside_names_of_survival_alone() -> None:
    """The time of a departure is none, nor is any beside passengers who survived."""
    assert is_known_at_the_end("rectime", ["rectime", "censrec"])
    assert not is_known_at_the_end("rectime", ["rectime", "survived"])
    assert not is_known_at_the_end("departure start time", ["censrec"])


def test_a_column_that_a_training_would_refuse_is_named_beforehand(tmp_path: Path) -> None:
    """By the limits of its sanity gates, also where bins of it do not tell all."""
    quality = RNG.normal(0, 1, ROWS)
    frame = pd.DataFrame({"size": RNG.normal(9, 2, ROWS), "points": RNG.normal(0, 9, ROWS)})
    frame["quality"] = np.exp(3 * quality)
    frame["points"] = quality * 5 + RNG.normal(0, 0.15, ROWS)
    plan = planned(csv_file(frame, tmp_path / "points.csv"), target="quality")
    assert roles(plan)["points"] == "number"
    (told,) = [one for one in plan.doubts if "training will refuse it" in one]
    assert told.startswith("points alone tells nearly all of the target")


@pytest.mark.parametrize(("area", "expected"), [(0.97, 1), (0.7, 0)])
def test_a_column_that_carries_a_very_good_quick_model_is_to_be_looked_at(
    area: float, expected: int, tmp_path: Path
) -> None:
    """A model that is no better than usual needs no such question."""
    answer = RNG.random(ROWS) < 0.5
    frame = pd.DataFrame(
        {"size": RNG.normal(9, 2, ROWS), "lamp": answer ^ (RNG.random(ROWS) < 0.04)}
    )
    frame["sold"] = np.where(answer, "yes", "no")
    columns = profile_file(open_file(csv_file(frame, tmp_path / "lamps.csv"))).measured.columns
    scores = {"balanced_accuracy": 0.6, "roc_auc": area}
    told = list(
        single_columns(
            {name: columns[name] for name in ("size", "lamp")},
            columns["sold"],
            task="classification",
            reached=Reached(scores, {"balanced_accuracy": 0.5, "roc_auc": 0.5}, 100),
        )
    )
    assert len(told) == expected
    assert all(one.startswith("lamp alone tells") for one in told)


def test_words_that_mean_something_else_are_no_alarm(tmp_path: Path) -> None:
    """`pred` is short for predominant, too, and a genre of films is no gender."""
    dead = RNG.random(ROWS) < 0.4
    frame = pd.DataFrame(
        {
            "pred_degree": dead + RNG.normal(0, 0.6, ROWS),
            "sold_pred": dead + RNG.normal(0, 0.6, ROWS),
            "Major Genre": [f"genre {one % 9}" for one in range(ROWS)],
            "genre": [f"{one % 3}x" for one in range(ROWS)],
            "sold": np.where(dead, "yes", "no"),
        }
    )
    plan = planned(csv_file(frame, tmp_path / "films.csv"), target="sold")
    assert roles(plan)["pred_degree"] == "number"
    assert roles(plan)["sold_pred"] == "left out"
    assert not is_protected(plan.columns["Major Genre"].column)
    assert is_protected(plan.columns["genre"].column)
