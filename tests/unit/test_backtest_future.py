"""A backtest knows nothing of the future: what was decided up to a moment depends on its past."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slipway.errors import NotFound
from slipway.local.backtest.lane import Lane
from tests.support.backtest_env import Played, decisions, measured, write_days, write_project

DAYS, TURN, POISONED = 7, 4, 5


def played(folder: Path, files: Path) -> Lane:
    """The policy of the spec, played over a history."""
    return Played(write_project(folder / "project"), files, folder / "out").play("spec")


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lane, Lane]:
    """The same history twice; in the second one every label from a day on is another one."""
    found = []
    for name in ("true", "poisoned"):
        folder = tmp_path_factory.mktemp(name)
        files = write_days(folder / "files", DAYS, turn=TURN)
        if name == "poisoned":
            labels = pd.read_csv(files / "answers.csv")
            late = labels["crossing"] >= f"2024-03-{POISONED + 1:02d}"
            labels.loc[late, "late"] = 1 - labels.loc[late, "late"]
            labels.to_csv(files / "answers.csv", index=False)
        found.append(played(folder, files))
    return found[0], found[1]


def test_a_changed_later_label_alters_no_earlier_decision(lanes: tuple[Lane, Lane]) -> None:
    """Labels of a day arrive with the next day: everything decided until then is equal."""
    before, after = ([one for one in decisions(lane) if one[0] <= POISONED] for lane in lanes)
    assert len(before) >= 2
    assert before == after
    for number in range(1, len(before) + 1):
        assert measured(lanes[0], number) == measured(lanes[1], number)
    assert decisions(lanes[0]) != decisions(lanes[1])


def test_a_period_is_predicted_by_the_champion_of_its_beginning(lanes: tuple[Lane, Lane]) -> None:
    """The first model is trained at the end of its step, and serves from the next one on."""
    lane = lanes[0]
    first = decisions(lane)[0]
    assert (first[1], first[3]) == ("first", "promoted")
    assert min(lane.served) == first[0] + 1


def test_tables_of_the_past_refuse_newer_versions(lanes: tuple[Lane, Lane]) -> None:
    """Whatever asks for them."""
    tables = lanes[0].container.tables
    tables.versions = dict(lanes[0].container.tables.versions) | {"ferries/labels": 2}
    assert tables.version("ferries/labels") == 2
    with pytest.raises(NotFound, match="no such version then"):
        tables.read("ferries/labels", version=3)
