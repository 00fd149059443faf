"""`slipway new`: the key and the event time are asked for, or named by options."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from slipway.cli.commands import commands
from slipway.spec import DatasetSpec
from slipway.spec.loading import load_all

ROWS = 300


@pytest.fixture
def home(home: Path) -> Path:
    """A new project, which is the working directory, with a file of sales beside it."""
    rng = np.random.default_rng(5)
    days = pd.date_range("2024-01-01", periods=ROWS, freq="D")
    visitors = rng.integers(100, 900, ROWS)
    pd.DataFrame(
        {
            "receipt_id": [f"R-{one:05d}" for one in range(ROWS)],
            "store": rng.choice(["north", "south"], ROWS),
            "day": days.strftime("%Y-%m-%d"),
            "counted": (days + pd.Timedelta(days=2)).strftime("%Y-%m-%d"),
            "visitors": visitors,
            "sales": (visitors * 3 + rng.normal(0, 40, ROWS)).round(2),
        }
    ).to_csv(home.parent / "shop.csv", index=False)
    return home


def new(*options: str, answers: str | None = None) -> Result:
    """The command on the file, at a terminal if there are answers."""
    with pytest.MonkeyPatch.context() as patch:
        module = import_module("slipway.cli.new")
        patch.setattr(module, "_is_terminal", lambda: answers is not None)
        arguments = ["new", "../shop.csv", *options]
        return CliRunner().invoke(commands, arguments, input=answers)


def dataset(home: Path) -> DatasetSpec:
    """The dataset that was written."""
    loaded = load_all(home)
    assert [str(problem) for problem in loaded.problems] == []
    return loaded.datasets["shop"]


def test_options_replace_the_guesses(home: Path) -> None:
    """Each alone; the other one is guessed still."""
    result = new("--yes", "--key", "store", "--key", "day", "--event-time", "counted")
    assert result.exit_code == 0, result.output
    made = dataset(home)
    assert (made.key, made.event_time) == (["store", "day"], "counted")
    assert "key         store, day: it was asked for" in result.output


def test_row_and_arrival_are_taken_where_a_column_was_guessed(home: Path) -> None:
    """Each replaces a column that was guessed."""
    assert new("--yes", "--key", "row", "--event-time", "arrival").exit_code == 0
    made = dataset(home)
    assert (made.key, made.event_time) == ("row", "arrival")


def with_parts(home: Path) -> None:
    """Give the file the year and the month of each row beside its day."""
    frame = pd.read_csv(home.parent / "shop.csv")
    days = pd.to_datetime(frame["day"])
    frame.assign(model_year=days.dt.year, mo=days.dt.month, yr=days.dt.year).to_csv(
        home.parent / "shop.csv", index=False
    )


def test_parts_of_a_time_are_named_by_several_options(home: Path) -> None:
    """What each has is told by its name, or by its being the only year."""
    with_parts(home)
    result = new("--yes", "--event-time", "mo", "--event-time", "yr")
    assert result.exit_code == 0, result.output
    assert "event time  yr, mo: it was asked for" in result.output
    assert dataset(home).identity.time.named == ("yr", "mo")
    result = new("--yes", "--name", "models", "--event-time", "yr", "--event-time", "visitors")
    assert "yr, visitors is no event time" in result.output


def test_an_answer_may_name_parts_of_a_time(home: Path) -> None:
    """With commas between them."""
    with_parts(home)
    result = new(answers="\n\nyr, mo\n\n")
    assert result.exit_code == 0, result.output
    assert dataset(home).identity.time.named == ("yr", "mo")


def test_a_person_is_asked_and_an_empty_answer_takes_the_guess(home: Path) -> None:
    """Target, key, event time, and whether to write."""
    result = new(answers="\n\n\n\n")
    assert result.exit_code == 0, result.output
    assert "Which columns identify a row (commas between them, or `row`)? [receipt_id]" in (
        result.output
    )
    assert "Which column has the time of a row (or `arrival`)? [day]" in result.output
    made = dataset(home)
    assert (made.key, made.event_time) == ("receipt_id", "day")


def test_an_answer_that_cannot_be_is_asked_for_again(home: Path) -> None:
    """With what was expected; what an option names is not asked for."""
    result = new("--event-time", "counted", answers="\nstore\nnowhere\nstore, day\n\n")
    assert result.exit_code == 0, result.output
    assert "store: this is no key" in result.output
    assert "298 of 300 rows repeat one" in result.output
    assert "the file has no column 'nowhere'" in result.output
    assert "Which column has the time" not in result.output
    made = dataset(home)
    assert (made.key, made.event_time) == (["store", "day"], "counted")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--event-time", "store"], "store is no event time"),
        (["--event-time", "nowhen"], "the file has no column 'nowhen'"),
        (["--key", "visitors"], "visitors: this is no key"),
        (["--key", "row", "--key", "day"], "the file has no column 'row'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(home: Path, options: list[str], message: str) -> None:
    """Nothing is written."""
    result = new("--yes", *options)
    assert result.exit_code == 1
    assert message in result.output
    assert load_all(home).datasets == {}


def test_a_file_with_spaces_in_its_name_is_quoted_in_the_next_command(home: Path) -> None:
    """So that it can be copied into a shell; a folder is no file."""
    file = home.parent / "My orders (final).csv"
    (home.parent / "shop.csv").rename(file)
    result = CliRunner().invoke(commands, ["new", str(file), "--yes"])
    assert result.exit_code == 0, result.output
    [following] = [line for line in result.output.splitlines() if line.startswith("next: ")]
    assert shlex.split(following)[-1] == str(file)
    refused = CliRunner().invoke(commands, ["new", str(home.parent), "--yes"])
    assert refused.exit_code == 2
    assert "is a directory" in refused.output
