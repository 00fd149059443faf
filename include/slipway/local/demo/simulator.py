"""Simulate the outside world: deliver files, wait until the ring is idle, send requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from slipway.errors import PlatformUnavailable, Transient
from slipway.local.airflow import AirflowApi
from slipway.local.demo.load import ProbeLoad
from slipway.local.demo.year import ClientResult, in_requests, land, send_requests, wait_for
from slipway.local.stack import Stack
from slipway.local.verdict_printer import VerdictPrinter
from slipway.records import arrivals, landing_area, requests
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring import Container, collect

if TYPE_CHECKING:
    import pandas as pd

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
ROWS_A_MONTH = 2000
PROBED_ROWS = 500
IDLE_WITHIN_SECONDS = 240.0
IDLE_SECONDS = 2.5


class Simulator:
    """Simulates the outside world of one dataset and one model.

    Args:
        stack: The local installation.
        api: Airflow's REST API.
        dataset: Name of the dataset whose files are delivered.
        model: Name of the model that gets the requests.
        console: Output.
    """

    def __init__(
        self, stack: Stack, api: AirflowApi, dataset: str, model: str, console: Console
    ) -> None:
        self.stack = stack
        self.api = api
        self.console = console
        self.container = Container(stack.settings)
        self.dataset = self.container.dataset(dataset)
        self.model = self.container.model(model)
        self.printer = VerdictPrinter(self.container.store, [dataset, model], console)
        self.sample = stack.folder / "sample"
        self.landing = Path(stack.settings.store) / "landing" / dataset
        self.client = httpx.Client(base_url=stack.addresses.platform, timeout=30.0)
        self.results: dict[str, ClientResult] = {}
        self.probe_load = ProbeLoad(self.client, self.container.platform_for(self.model), model)

    def simulate_year(self) -> None:
        """Deliver each month with the labels of the month before, then request predictions."""
        for number, month in enumerate(MONTHS):
            self.console.rule(month)
            earlier = self.sample / "labels" / f"{MONTHS[number - 1]}.csv"
            self.deliver(self.sample / "features" / f"{month}.parquet", earlier if number else None)
            if self.champion() is not None:
                self.results[month] = self.request_predictions(self.keyed_rows(month), month)

    def deliver(self, features: Path, labels: Path | None) -> None:
        """Deliver a month's features and matured labels; wait until the ring is idle."""
        land(features, self.landing, "features")
        self.probe_load.set_bodies(self._probes(features))
        if labels is not None:
            land(labels, self.landing, "labels")
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until nothing is waiting, running or due; print verdicts meanwhile.

        Raises:
            PlatformUnavailable: The ring was not idle in time.
        """
        with self.console.status("waiting for the ring"):
            if not wait_for(
                IdleTimer(self).is_over, seconds=IDLE_WITHIN_SECONDS, check=self._watch
            ):
                raise PlatformUnavailable(
                    f"the ring was not idle within {IDLE_WITHIN_SECONDS:.0f} s",
                    found=self.pending_work() or "new work each time it was idle",
                    hint="see the runs in Airflow's UI, and the logs beside the store",
                )
        self.printer.catch_up()

    def pending_work(self) -> str | None:
        """Return the next pending work by the store and by Airflow, or None."""
        try:
            return self._pending_work()
        except Transient as error:
            # A part that has ended is started again, see `local/supervision.py`.
            return error.message

    def _pending_work(self) -> str | None:
        name, model = self.dataset.dataset, self.model.model
        busy = self.api.busy_runs()
        if busy:
            return f"{busy[0][0]} is running"
        landed = landing_area.list_deliveries(self.container.store, name)
        if arrivals.acknowledged(self.container.store, name) != landing_area.fingerprint(landed):
            return f"{name} has deliveries that are not acknowledged"
        if requests.in_flight(self.container.store, model) is not None:
            return f"{model} has an accepted request that is not closed"
        due = collect(model=model, container=self.container)
        if due["difference"] is not None:
            return due["difference"]
        if due["drift"] or due["performance"]:
            return f"{model} has windows to measure"
        return None

    def champion(self) -> int | None:
        """Return the version with the alias `champion`."""
        version = self.container.registry.alias(self.model.model, "champion")
        return None if version is None else version.version

    def keyed_rows(self, month: str) -> pd.DataFrame:
        """Return about 2,000 rows of a month, spread over it, without labels."""
        import pandas as pd

        frame = pd.read_parquet(self.sample / "features" / f"{month}.parquet")
        rows = frame.sample(min(ROWS_A_MONTH, len(frame)), random_state=self.model.training.seed)
        return rows.sort_values(
            [self.dataset.identity.time.column, self.dataset.identity.key.column]
        )

    def request_predictions(
        self, rows: pd.DataFrame, title: str, *, meanwhile: Callable[[int], None] | None = None
    ) -> ClientResult:
        """Request predictions for rows over HTTP, then wait until they are in the log.

        Args:
            rows: Key, event time and raw features, of shape (n_rows, n_columns).
            title: Title of the progress bar.
            meanwhile: Called after each response with the number of rows answered so far.
        """
        before = self.container.log.count(self.model.model)
        columns = (
            *(TextColumn("{task.description}"), BarColumn()),
            *(MofNCompleteColumn(), TextColumn("rows")),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            bar = bars.add_task(f"predictions of {self.model.model} for {title}", total=len(rows))

            def answered(count: int) -> None:
                bars.advance(bar, count)
                if meanwhile is not None:
                    meanwhile(int(bars.tasks[0].completed))

            result = send_requests(
                self.client,
                self.model.model,
                in_requests(rows),
                encode=self.encode,
                answered=answered,
            )
        self.console.print(_format_result(result, title))
        self._wait_for_log(before + result.rows)
        return result

    def encode(self, rows: pd.DataFrame, *, probe: bool = False) -> dict[str, object]:
        """Encode rows as the body of a V2 request."""
        return encode_rows(
            rows,
            signature_of(self.model, self.dataset),
            identity=self.dataset.identity,
            probe=probe,
        )

    def _probes(self, features: Path) -> Iterator[dict[str, object]]:
        """Yield bodies of one row each, marked as probes."""
        import pandas as pd

        frame = pd.read_parquet(features)
        rows = frame.sample(min(PROBED_ROWS, len(frame)), random_state=self.model.training.seed)
        for one in in_requests(rows, rows=1):
            yield self.encode(one, probe=True)

    def _wait_for_log(self, rows: int) -> None:
        def shipped() -> bool:
            return self.container.log.count(self.model.model) >= rows

        if not wait_for(shipped, seconds=60.0, check=lambda: None):
            raise PlatformUnavailable(
                "predictions are missing from the prediction log",
                expected=f"{rows} rows",
                found=f"{self.container.log.count(self.model.model)} rows",
            )

    def _watch(self) -> None:
        self.printer.catch_up()
        self.probe_load.send_some()


class IdleTimer:
    """Measures how long the ring is idle: events arrive a second after the store's change."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._since: float | None = None

    def is_over(self) -> bool:
        """Return whether nothing was pending for some seconds."""
        if self._simulator.pending_work() is not None:
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= IDLE_SECONDS


def _format_result(result: ClientResult, title: str) -> str:
    versions = ", ".join(f"version {name}" for name in sorted(result.versions, key=int))
    failed = f"; {result.failed} requests failed: {result.errors}" if result.failed else ""
    return f"  {result.rows} predictions for {title} by {versions}{failed}"
