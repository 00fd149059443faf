"""A replay that is stopped at any moment goes on as itself, until every label is delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from slipway.local.outside_world import OutsideWorld
from slipway.local.replay.history import History, split_history
from slipway.local.replay.main import where_it_goes_on
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.player import Player
from slipway.local.replay.progress_file import Asked, ProgressFile, ReplayProgress
from slipway.local.replay.raw_rows import read_history
from slipway.wiring import Container
from tests.support.small_specs import DATASET, EXPECTATIONS, FILES

NOW = datetime(2026, 3, 9, 17, tzinfo=UTC)
OF = {"by": "month"}
ROWS = """\
id,at,price,kind,sold
a,2026-01-30,1,x,true
b,2026-01-31,2,y,false
c,2026-02-01,2,x,true
d,2026-03-05,3,x,false
"""
LABELS_IN_FEATURES = DATASET.replace("  labels:\n", "  labels:\n    from: features\n").replace(
    "      id: {type: string}\n      sold", "      sold"
)


class Stopped(BaseException):
    """A process that ends, by Ctrl-C or by SIGKILL: nothing of it runs any more."""


class World:
    """A ring that takes what is delivered at once, and may be stopped at its n-th wait."""

    def __init__(self, container: Container, *, stops_at: int | None = None) -> None:
        self.container = container
        self.dataset = container.dataset("shop")
        self.models: dict[str, Any] = {}
        self.probe_loads: dict[str, Any] = {}
        self.console = Console(file=StringIO())
        self._stops_at = stops_at

    def wait_until_idle(self, *, within_seconds: float) -> None:
        """Nothing to wait for."""
        del within_seconds
        if self._stops_at is not None:
            self._stops_at -= 1
            if self._stops_at < 0:
                raise Stopped

    def labels(self) -> dict[str, list[str | None]]:
        """Labels of each batch as it was delivered last."""
        landed = Path(self.container.store.root) / "landing" / "shop" / "features"
        return {
            one.stem: pq.read_table(one)["sold"].to_pylist()
            for one in sorted(landed.glob("*.parquet"))
        }


ALL_LABELS = {"2026-01": ["true", "false"], "2026-02": ["true"], "2026-03": ["false"]}


@pytest.fixture
def history(
    container: Container, project: Callable[[dict[str, str]], Path], tmp_path: Path
) -> History:
    """Three months of one file, with the labels in it."""
    specs = {
        "datasets/shop/dataset.yaml": LABELS_IN_FEATURES,
        "datasets/shop/expectations.yaml": EXPECTATIONS.partition("labels:")[0],
    }
    project({**FILES, **specs})
    file = tmp_path / "past.csv"
    file.write_text(ROWS)
    spec = container.dataset("shop")
    return split_history(
        read_history(file, spec, container),
        spec,
        by="month",
        label_delay=timedelta(0),
        arrivals=PastArrivals(None, None, NOW),
    )


def play(
    container: Container,
    history: History,
    file: ProgressFile,
    *,
    restart: bool = False,
    stops_at: int | None = None,
) -> World:
    """The world after a replay to its end, or to the wait at which it is stopped."""
    world = World(container, stops_at=stops_at)
    progress = file.begin(OF, began=NOW, restart=restart)
    # The player asks nothing else of a world without models.
    outside = cast("OutsideWorld", world)
    player = Player(outside, history, progress=progress, file=file, rows=10, speed=None)
    if stops_at is None:
        player.play()
    else:
        with pytest.raises(Stopped):
            player.play()
    return world


@pytest.mark.parametrize("stops_at", range(4))
def test_a_restart_that_is_stopped_goes_on_as_the_new_replay(
    container: Container, history: History, tmp_path: Path, stops_at: int
) -> None:
    """It delivers a batch without its labels first; going on delivers them again."""
    file = ProgressFile(tmp_path / "replay.json")
    assert play(container, history, file).labels() == ALL_LABELS
    stopped = play(container, history, file, restart=True, stops_at=stops_at)
    assert (stopped.labels() == ALL_LABELS) == (stops_at == history.steps - 1)
    assert file.begin(OF, began=NOW, restart=False).next_step == stops_at
    assert play(container, history, file).labels() == ALL_LABELS
    assert file.begin(OF, began=NOW, restart=False).next_step == history.steps


def test_a_replay_of_other_periods_that_is_stopped_ends_the_one_before(
    container: Container, history: History, tmp_path: Path
) -> None:
    """The first would otherwise be taken for complete, with the batches of the second beside it."""
    file = ProgressFile(tmp_path / "replay.json")
    play(container, history, file)
    assert file.begin({"by": "week"}, began=NOW, restart=False).next_step == 0
    assert file.begin(OF, began=NOW, restart=False).next_step == 0


def test_a_restart_forgets_what_the_replay_before_came_to(tmp_path: Path) -> None:
    """Its table tells of itself alone."""
    file = ProgressFile(tmp_path / "replay.json")
    progress = file.begin(OF, began=NOW, restart=False)
    progress.asked["2026-01"] = {"sales": Asked(20, {"1": 20})}
    progress.followed["2026-01"] = {"sales": "scheduled: promoted"}
    progress.next_step = 3
    file.write(progress)
    assert file.begin(OF, began=NOW, restart=True) == ReplayProgress(OF, NOW.isoformat())
    assert file.begin(OF, began=NOW, restart=False) == ReplayProgress(OF, NOW.isoformat())


def test_a_stopped_replay_goes_on_where_it_was(tmp_path: Path) -> None:
    """It keeps the moment of its beginning, by which rows without an event time are placed."""
    file = ProgressFile(tmp_path / "replay.json")
    progress = file.begin(OF, began=file.began(now=NOW), restart=False)
    assert file.began(now=NOW + timedelta(days=40)) == NOW
    progress.next_step = 3
    progress.asked["2026-01"] = {"sales": Asked(20, {"1": 20})}
    file.write(progress)
    began = file.began(now=NOW + timedelta(days=40))
    assert began == NOW
    assert file.begin(OF, began=began, restart=False) == progress


def test_a_replay_says_where_it_goes_on(history: History) -> None:
    """One that is complete does not go on."""
    said = [where_it_goes_on(history, step) for step in (1, 3, 4)]
    assert said == [
        "goes on at 2026-02",
        "goes on with what is known after the last period",
        "it was replayed to its end before",
    ]
