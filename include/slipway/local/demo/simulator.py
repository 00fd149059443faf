"""Plays the outside world: lands files, waits for the ring to come to rest, asks the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from slipway.errors import PlatformUnavailable
from slipway.local.airflow import AirflowApi
from slipway.local.demo.console import Narrator
from slipway.local.demo.load import Probing
from slipway.local.demo.year import Asked, ask, in_requests, land, wait_for
from slipway.local.stack import Stack
from slipway.records import arrivals, landing_area, requests
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring import Container, collect

if TYPE_CHECKING:
    import pandas as pd

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
ROWS_A_MONTH = 2000
PROBED_ROWS = 500
REST_WITHIN_SECONDS = 240.0
QUIET_SECONDS = 2.5


class Player:
    """The outside world of one dataset and one model.

    Args:
        stack: What runs.
        api: Airflow's REST API.
        dataset: Whose files land.
        model: Who is asked.
        console: Where the story is told.
    """

    def __init__(
        self, stack: Stack, api: AirflowApi, dataset: str, model: str, console: Console
    ) -> None:
        self.stack = stack
        self.api = api
        self.console = console
        self.shop = Container(stack.settings)
        self.dataset = self.shop.dataset(dataset)
        self.model = self.shop.model(model)
        self.narrator = Narrator(self.shop.store, [dataset, model], console)
        self.sample = stack.folder / "sample"
        self.landing = Path(stack.settings.store) / "landing" / dataset
        self.client = httpx.Client(base_url=stack.addresses.platform, timeout=30.0)
        self.asked: dict[str, Asked] = {}
        self.probing = Probing(self.client, self.shop.platform_for(self.model), model)

    def play_year(self) -> None:
        """Land each month with the labels of the month before, then ask about its flights."""
        for number, month in enumerate(MONTHS):
            self.console.rule(month)
            earlier = self.sample / "labels" / f"{MONTHS[number - 1]}.csv"
            self.deliver(self.sample / "features" / f"{month}.parquet", earlier if number else None)
            if self.champion() is not None:
                self.asked[month] = self.ask_about(self.keyed_rows(month), month)

    def deliver(self, features: Path, labels: Path | None) -> None:
        """Land a month's features and the labels that have matured; wait for the ring to rest."""
        land(features, self.landing, "features")
        self.probing.about(self._probes(features))
        if labels is not None:
            land(labels, self.landing, "labels")
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is waiting, running or due, telling verdicts as they fall.

        Raises:
            PlatformUnavailable: The ring did not come to rest in time.
        """
        with self.console.status("the ring is turning"):
            if not wait_for(Quiet(self).lasts, seconds=REST_WITHIN_SECONDS, check=self._watch):
                raise PlatformUnavailable(
                    f"the ring did not come to rest within {REST_WITHIN_SECONDS:.0f} s",
                    found=self.unrest() or "new work each time it seemed at rest",
                    hint="look at the runs in Airflow's UI, and at the logs beside the store",
                )
        self.narrator.catch_up()

    def unrest(self) -> str | None:
        """What there still is to do, by the store and by Airflow; None when nothing."""
        name, model = self.dataset.dataset, self.model.model
        busy = self.api.busy_runs()
        if busy:
            return f"{busy[0][0]} is running"
        landed = landing_area.list_deliveries(self.shop.store, name)
        if arrivals.acknowledged(self.shop.store, name) != landing_area.fingerprint(landed):
            return f"{name} has deliveries that are not acknowledged"
        if requests.in_flight(self.shop.store, model) is not None:
            return f"{model} has an accepted request without an answer"
        due = collect(model=model, shop=self.shop)
        if due["difference"] is not None:
            return due["difference"]
        if due["drift"] or due["performance"]:
            return f"{model} has windows to measure"
        return None

    def champion(self) -> int | None:
        """The version that is champion by alias."""
        version = self.shop.registry.alias(self.model.model, "champion")
        return None if version is None else version.version

    def keyed_rows(self, month: str) -> pd.DataFrame:
        """About 2,000 flights of a month, spread over it, as a client knows them."""
        import pandas as pd

        frame = pd.read_parquet(self.sample / "features" / f"{month}.parquet")
        rows = frame.sample(min(ROWS_A_MONTH, len(frame)), random_state=self.model.training.seed)
        return rows.sort_values([self.dataset.event_time, self.dataset.key])

    def ask_about(
        self, rows: pd.DataFrame, title: str, *, meanwhile: Callable[[int], None] | None = None
    ) -> Asked:
        """Ask the model about rows over HTTP, then wait until the answers are in the log.

        Args:
            rows: Key, event time and raw features, of shape (n_rows, n_columns).
            title: Of the progress bar.
            meanwhile: Is told how many rows were answered, after each answer.
        """
        before = self.shop.log.count(self.model.model)
        columns = (
            *(TextColumn("{task.description}"), BarColumn()),
            *(MofNCompleteColumn(), TextColumn("rows")),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            bar = bars.add_task(f"asking {self.model.model} about {title}", total=len(rows))

            def answered(count: int) -> None:
                bars.advance(bar, count)
                if meanwhile is not None:
                    meanwhile(int(bars.tasks[0].completed))

            asked = ask(
                self.client,
                self.model.model,
                in_requests(rows),
                encode=self.encode,
                answered=answered,
            )
        self.console.print(_told(asked, title))
        self._wait_for_log(before + asked.rows)
        return asked

    def encode(self, rows: pd.DataFrame, *, probe: bool = False) -> dict[str, object]:
        """Rows as the body of a V2 request."""
        features = self.model.features
        columns = [(name, "number", False) for name in features.numeric]
        columns += [(name, "string", False) for name in features.categorical]
        return encode_rows(
            rows,
            columns,
            key=self.dataset.key,
            event_time=self.dataset.event_time,
            probe=probe,
        )

    def _probes(self, features: Path) -> Iterator[dict[str, object]]:
        """Flights of a delivery, one a request, marked as probes."""
        import pandas as pd

        frame = pd.read_parquet(features)
        rows = frame.sample(min(PROBED_ROWS, len(frame)), random_state=self.model.training.seed)
        for one in in_requests(rows, rows=1):
            yield self.encode(one, probe=True)

    def _wait_for_log(self, rows: int) -> None:
        def shipped() -> bool:
            return self.shop.log.count(self.model.model) >= rows

        if not wait_for(shipped, seconds=60.0, check=self.stack.processes.check):
            raise PlatformUnavailable(
                "answers are missing from the prediction log",
                expected=f"{rows} rows",
                found=f"{self.shop.log.count(self.model.model)} rows",
            )

    def _watch(self) -> None:
        self.stack.processes.check()
        self.narrator.catch_up()
        self.probing.keep_asking()


class Quiet:
    """Whether the ring has been at rest for a while: events travel a second behind the store."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._since: float | None = None

    def lasts(self) -> bool:
        """Whether nothing has been to do for some seconds."""
        if self._player.unrest() is not None:
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= QUIET_SECONDS


def _told(asked: Asked, title: str) -> str:
    versions = ", ".join(f"version {name}" for name in sorted(asked.versions, key=int))
    failed = f"; {asked.failed} requests failed: {asked.errors}" if asked.failed else ""
    return f"  asked about {asked.rows} flights of {title}; {versions} answered{failed}"
