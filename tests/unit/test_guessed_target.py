"""The target that `slipway new` guesses: by names, by values, by place, and by evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.quick_fit import fit_quickly
from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.column_types import TypeGuess
from slipway.stages.profile.measured import Column, Measured
from slipway.stages.profile.rank_targets import rank_targets
from tests.support.new_specs import csv_file, planned

NUMBERS = [0.5, 1.5, 2.0, 7.25, *map(float, range(10, 22))] * 9
CLASSES = ["one", "two"] * 72


def column(values: Sequence[Any], *, name: str, position: int = 0) -> Column:
    """A column of some values."""
    kind = "string" if isinstance(values[0], str) else "number"
    dtype = object if kind == "string" else float
    guess = TypeGuess(kind, "")  # type: ignore[arg-type]
    return Column(name, position, guess, pd.Series(list(values), dtype=dtype))


def file_of(**columns: Sequence[Any]) -> dict[str, Column]:
    """Columns of a file."""
    return {
        name: column(values, name=name, position=at)
        for at, (name, values) in enumerate(columns.items())
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "target", "b"], "target"),
        (["price", "x", "y", "z"], "price"),
        (["a", "y", "b"], "y"),
        (["a", "b", "c"], "c"),
        (["SalePrice", "age", "b"], "SalePrice"),
        (["median_income", "median_house_value", "b"], "median_house_value"),
        (["rented bike count", "hour", "b"], "rented bike count"),
        (["a", "cnt", "b"], "cnt"),
        (["a", "medv", "previous_price"], "medv"),
        (["avg_price_per_room", "a", "b"], "avg_price_per_room"),
        (["houseprice", "a", "b"], "houseprice"),
    ],
)
def test_a_quantity_is_told_by_its_name_or_stands_last(names: list[str], expected: str) -> None:
    """Whole names before last words, these before others; beside x and z, y is a length."""
    [first, *_] = rank_targets(file_of(**dict.fromkeys(names, NUMBERS)), but=())
    assert first.name == expected


@pytest.mark.parametrize(
    "name",
    [
        "Survived", "species", "Exited", "Churn", "class", "income", "diagnosis", "Outcome",
        "label",
        "default payment next month", "Cover_Type", "is_churn", "Attrition_Flag", "RainTomorrow",
        "fraud_reported", "loan_status",
    ],
)  # fmt: skip
def test_a_class_is_told_by_its_name_in_any_spelling(name: str) -> None:
    """Wherever it stands, and beside another column of two values at the end."""
    [first, second, *_] = rank_targets(
        file_of(**{"a": NUMBERS, name: CLASSES, "partner": CLASSES}), but=()
    )
    assert (first.name, second.name) == (name, "partner")
    assert "its name is that of a target" in first.why


def test_values_that_say_what_became_of_a_row_count_more_than_a_price() -> None:
    """Good and bad are an outcome, a price beside them is known."""
    columns = file_of(Status=["good", "bad"] * 72, income=NUMBERS, Price=NUMBERS)
    assert rank_targets(columns, but=())[0].name == "Status"


def test_what_became_of_a_row_counts_more_than_a_quantity_in_the_last_column() -> None:
    """Neither a fare nor a volume behind it is what is asked, and a default may be a feature."""
    for name, last in (("Survived", "Fare"), ("Direction", "Volume"), ("deposit", "default")):
        classes = ["Up", "Down"] * 72 if name == "Direction" else CLASSES
        values = CLASSES if last == "default" else NUMBERS
        columns = file_of(**{"a": NUMBERS, last: values, name: classes})
        if name == "Survived":
            columns = file_of(**{name: classes, "a": NUMBERS, last: values})
        assert rank_targets(columns, but=())[0].name == name


def test_an_income_is_a_target_only_as_classes() -> None:
    """As numbers it is one of many features."""
    columns = file_of(mode=CLASSES, price=NUMBERS, income=NUMBERS)
    assert rank_targets(columns, but=())[0].name != "income"


def test_without_a_telling_name_the_first_column_has_to_be_told_by_the_others() -> None:
    """A class in front that follows from the others is the target, and one by chance is none."""
    rng = np.random.default_rng(3)
    numbers = {f"column_{at}": rng.normal(size=600) for at in range(2, 6)}
    follows = np.where(numbers["column_2"] + numbers["column_3"] > 0, "p", "e")
    chance = rng.choice(["p", "e"], 600)
    for classes, expected in ((follows, "column_1"), (chance, "column_5")):
        guess = _guessed({"column_1": classes.tolist(), **numbers})
        assert guess == expected


def _guessed(columns: Mapping[str, Sequence[Any]]) -> str:
    measured = Measured(file_of(**columns), 600)
    return plan_target(measured, asked=None, fit=fit_quickly).column


def test_the_next_likeliest_column_is_named() -> None:
    """So that a person sees which one to name with --target."""
    guess = plan_target(Measured(file_of(a=NUMBERS, price=NUMBERS, cost=NUMBERS), 144), asked=None)
    assert (guess.column, guess.runner_up) == ("cost", "price")


def test_a_column_of_one_value_that_is_named_like_the_target_is_pointed_out() -> None:
    """It cannot be predicted, and the guess beside it may surprise."""
    columns = file_of(a=NUMBERS, group=CLASSES, churned=["no"] * len(NUMBERS))
    guess = plan_target(Measured(columns, len(NUMBERS)), asked=None)
    assert guess.column == "group"
    assert "'churned' is named like the target, but has one value only" in guess.doubt


@pytest.mark.parametrize(("no", "yes"), [("nein", "ja"), ("non", "oui"), ("no", "sí")])
def test_yes_is_class_1_in_other_languages(no: str, yes: str) -> None:
    """Also where it is the commoner one."""
    values = [yes, yes, no] * 48
    guess = plan_target(Measured(file_of(a=NUMBERS, churned=values), 144), asked="churned")
    assert (guess.positive, guess.doubt) == (yes, "")


def test_a_year_is_the_target_where_nothing_else_can_be(tmp_path: Path) -> None:
    """Works of art have a year of their own, which their texts may tell; then it is no time."""
    frame = pd.DataFrame(
        {
            "id": [20_000.0 + 7 * one for one in range(300)],
            "title": [f"a work of {one} colours and its shade" for one in range(300)],
            "medium": [f"m{one % 150} on paper of the trade" for one in range(300)],
            "year": [1900.0 + one // 4 for one in range(300)],
        }
    )
    plan = planned(csv_file(frame, tmp_path / "works.csv"))
    assert (plan.target.column, plan.time.columns) == ("year", ())
