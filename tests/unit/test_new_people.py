"""`slipway new`: personal data of people alone, and attributes that a person decides about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from slipway.stages.profile.column_types import TypeGuess
from slipway.stages.profile.measured import Column
from slipway.stages.profile.personal_data import personal_data
from slipway.stages.profile.protected_attributes import is_protected
from tests.support.new_specs import ROWS, binary, csv_file, planned, roles

RNG = np.random.default_rng(11)


def test_names_of_things_are_identifiers_and_no_personal_data(tmp_path: Path) -> None:
    """Cars have names, too; a column of ages or sexes says that the rows are people."""
    cars = binary().assign(name=[f"model {chr(97 + one % 26)} {one}" for one in range(ROWS)])
    plan = planned(csv_file(cars, tmp_path / "cars.csv"), target="sold")
    assert roles(plan)["name"] == "left out"
    assert "identifier" in plan.columns["name"].why
    people = cars.assign(age=RNG.integers(18, 90, ROWS))
    plan = planned(csv_file(people, tmp_path / "people.csv"), target="sold")
    assert roles(plan)["name"] == "personal"
    titled = cars.assign(name=[f"Smith{one}, Mr. John" for one in range(ROWS)])
    plan = planned(csv_file(titled, tmp_path / "titled.csv"), target="sold")
    assert roles(plan)["name"] == "personal"


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("addr_state", "string", ["CA", "NY", "TX", "WA"] * 5 + [f"S{one}" for one in range(46)]),
        ("address_country", "string", [f"C{one}" for one in range(40)] * 3),
        ("mobile_wt", "integer", list(range(80, 200))),
        ("phone_calls", "integer", list(range(40))),
    ],
)
def test_areas_and_small_numbers_are_no_personal_data(
    name: str, kind: str, values: list[object]
) -> None:
    """A state is shared by millions, and a weight in grams is no telephone number."""
    guess = TypeGuess(kind, "")  # type: ignore[arg-type]
    assert personal_data(Column(name, 0, guess, pd.Series(values))) is None


def test_whole_numbers_of_telephones_are_personal_data() -> None:
    """They are long."""
    numbers = pd.Series(range(4_917_012_345, 4_917_012_945))
    found = personal_data(Column("phone", 0, TypeGuess("integer", ""), numbers))
    assert found is not None
    assert found.startswith("phone numbers")


@pytest.mark.parametrize(
    "name",
    [
        *("race", "Sex", "Gender", "religion", "ethnicity", "age", "nationality", "Age (years)"),
        *("customer_age", "ageGroup", "native-country", "has_disability", "applicant_ethnicity"),
    ],
)
def test_protected_attributes_are_told_by_the_words_of_a_name(name: str) -> None:
    """Whole words, and an age of people."""
    assert is_protected(Column(name, 0, TypeGuess("string", ""), pd.Series(["a"])))


@pytest.mark.parametrize(
    "name",
    [
        *("house_age", "account_age_days", "usage", "average", "trace", "stage", "country"),
        *("message", "Middlesex"),
    ],
)
def test_other_names_are_no_protected_attributes(name: str) -> None:
    """Houses and accounts have an age, too."""
    assert not is_protected(Column(name, 0, TypeGuess("string", ""), pd.Series(["a"])))


def test_a_protected_attribute_is_kept_and_named(tmp_path: Path, home: Path) -> None:
    """In the printed summary and beside the feature; a person decides."""
    frame = binary().assign(sex=RNG.choice(["f", "m"], ROWS), age=RNG.integers(18, 90, ROWS))
    frame = frame[[*(one for one in frame if one != "sold"), "sold"]]
    file = csv_file(frame, tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--yes", "--target", "sold"])
    assert result.exit_code == 0, result.output
    assert "look at it  sex looks like a protected attribute" in result.output
    text = (home / "include/models/houses_sold/model.yaml").read_text()
    for name in ("sex", "age"):
        (line,) = [one for one in text.splitlines() if one.startswith(f"    - {name} ")]
        assert "decide whether the model may use it" in line
