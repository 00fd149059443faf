"""A lane of a backtest that is stopped at any moment goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.local.backtest import lane as lane_module
from slipway.local.backtest.lane import Lane
from slipway.local.backtest.lane_results import results_of
from slipway.stages.backtest.results import PlayedPolicy
from tests.support.backtest_env import Played, write_days, write_project

DAYS, TURN = 6, 3


class Stopped(BaseException):
    """A process that ends, by Ctrl-C or by SIGKILL: nothing of it runs any more."""


class StoppingRing:
    """Runs stages, and stops after more and more of them: before one runs, or after it ran."""

    def __init__(self, run: Any, *, first: int) -> None:
        self._run, self._interval, self._left = run, first, first
        self.stops = 0

    def __call__(self, stage: str, inputs: Mapping[str, Any], **named: Any) -> Any:
        """Run a stage, unless this stops."""
        self._left -= 1
        if self._left > 0:
            return self._run(stage, inputs, **named)
        self._interval += 1
        self._left = self._interval
        self.stops += 1
        if self.stops % 2:
            self._run(stage, inputs, **named)
        raise Stopped


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Six days of crossings, whose current turns."""
    folder = tmp_path_factory.mktemp("ferries")
    files = write_days(folder / "files", DAYS, turn=TURN)
    return Played(write_project(folder / "project"), files, folder / "out")


def without_seconds(lane: Lane) -> PlayedPolicy:
    """What a lane leaves, but for the time that its fits took."""
    found = results_of(lane)
    models = {fit: replace(one, seconds=0.0) for fit, one in found.models.items()}
    return replace(found, models=models)


@pytest.mark.parametrize("first", [1, 2])
def test_a_lane_that_is_stopped_again_and_again_ends_as_one_that_was_not(
    played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Before a stage, and after one whose outcome nobody has read; with fits of its own."""
    whole = without_seconds(played.play("spec"))
    assert [one.outcome for one in whole.requests].count("promoted") >= 2
    again = Played.__new__(Played)
    again.__dict__ |= played.__dict__ | {"out": tmp_path}
    ring = StoppingRing(lane_module.run_stage, first=first)
    monkeypatch.setattr(lane_module, "run_stage", ring)
    while (lane := _played_on(again)) is None:
        pass
    assert ring.stops > 5
    assert without_seconds(lane) == whole


def _played_on(played: Played) -> Lane | None:
    """The lane, played on to its end; None where it was stopped."""
    try:
        return played.play("spec")
    except Stopped:
        return None


def test_policies_that_train_on_the_same_rows_share_the_fit(played: Played) -> None:
    """A fit depends on its snapshot alone: that of the first model is every policy's."""
    whole, never = results_of(played.play("spec")), results_of(played.play("never"))
    assert never.requests[0].challenger == whole.requests[0].challenger
    kept = {one.name for one in (played.out / "fits").iterdir() if one.is_dir()}
    assert kept == whole.models.keys() | never.models.keys()
