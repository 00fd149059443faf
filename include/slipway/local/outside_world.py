"""The outside world of a running ring: wait until it is idle, and send requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from slipway.errors import PlatformUnavailable, Transient
from slipway.local.airflow import AirflowApi
from slipway.local.clients import ClientResult, in_requests, send_requests, wait_for
from slipway.local.probe_load import ProbeLoad
from slipway.local.verdict_printer import VerdictPrinter
from slipway.records import arrivals, landing_area, requests
from slipway.settings import Settings
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.wiring import Container, collect

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec

PROBED_ROWS = 500
IDLE_SECONDS = 2.5


class OutsideWorld:
    """The outside world of one dataset and its models.

    Args:
        settings: The installation.
        api: Airflow's REST API.
        dataset: Name of the dataset whose files are delivered.
        models: Names of the models that get the requests.
        console: Output.
    """

    def __init__(
        self,
        settings: Settings,
        api: AirflowApi,
        dataset: str,
        models: Sequence[str],
        console: Console,
    ) -> None:
        self.api = api
        self.console = console
        self.container = Container(settings)
        self.dataset = self.container.dataset(dataset)
        self.models = {name: self.container.model(name) for name in models}
        self.printer = VerdictPrinter(self.container.store, [dataset, *models], console)
        self.client = httpx.Client(base_url=settings.platform, timeout=30.0)
        self.probe_loads = {
            name: ProbeLoad(self.client, self.container.platform_for(spec), name)
            for name, spec in self.models.items()
            if spec.deployment.capabilities.has_server
        }

    def wait_until_idle(self, *, within_seconds: float) -> None:
        """Wait until nothing is waiting, running or due; print verdicts meanwhile.

        Args:
            within_seconds: Longest wait.

        Raises:
            PlatformUnavailable: The ring was not idle in time.
        """
        with self.console.status("waiting for the ring"):
            if not wait_for(IdleTimer(self).is_over, seconds=within_seconds, check=self._watch):
                raise PlatformUnavailable(
                    f"the ring was not idle within {within_seconds:.0f} s",
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
        name = self.dataset.dataset
        busy = self.api.busy_runs()
        if busy:
            return f"{busy[0][0]} is running"
        landed = landing_area.list_deliveries(self.container.store, name)
        if arrivals.acknowledged(self.container.store, name) != landing_area.fingerprint(landed):
            return f"{name} has deliveries that are not acknowledged"
        works = (self._pending_of(model) for model in self.models)
        return next((work for work in works if work is not None), None)

    def _pending_of(self, model: str) -> str | None:
        if requests.in_flight(self.container.store, model) is not None:
            return f"{model} has an accepted request that is not closed"
        due = collect(model=model, container=self.container)
        if due["difference"] is not None:
            return due["difference"]
        if due["drift"] or due["performance"]:
            return f"{model} has windows to measure"
        challenger = self.container.registry.alias(model, CHALLENGER)
        if challenger is None or challenger.tags.get(ROLLOUT_TAG):
            return None
        is_waiting = challenger.version != self.champion_of(model)
        return (
            f"version {challenger.version} of {model} waits for its rollout" if is_waiting else None
        )

    def champion_of(self, model: str) -> int | None:
        """Return the version of a model with the alias `champion`."""
        version = self.container.registry.alias(model, CHAMPION)
        return None if version is None else version.version

    def ask(
        self,
        spec: ModelSpec,
        rows: pd.DataFrame,
        title: str,
        *,
        meanwhile: Callable[[int], None] | None = None,
    ) -> ClientResult:
        """Request predictions for rows over HTTP, then wait until they are in the log.

        Args:
            spec: The model.
            rows: Key, event time and raw features, of shape (n_rows, n_columns).
            title: Title of the progress bar.
            meanwhile: Called after each response with the number of rows answered so far.
        """
        before = self.container.log.count(spec.model)
        columns = (
            *(TextColumn("{task.description}"), BarColumn()),
            *(MofNCompleteColumn(), TextColumn("rows")),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            bar = bars.add_task(f"predictions of {spec.model} for {title}", total=len(rows))

            def answered(count: int) -> None:
                bars.advance(bar, count)
                if meanwhile is not None:
                    meanwhile(int(bars.tasks[0].completed))

            result = send_requests(
                self.client,
                spec.model,
                in_requests(rows),
                encode=lambda frame: self.encode_for(spec, frame),
                answered=answered,
            )
        self.console.print(format_result(result, title))
        self._wait_for_log(spec.model, before + result.rows)
        return result

    def encode_for(
        self, spec: ModelSpec, rows: pd.DataFrame, *, probe: bool = False
    ) -> dict[str, object]:
        """Encode rows as the body of a V2 request."""
        return encode_rows(
            rows,
            signature_of(spec, self.dataset),
            identity=self.dataset.identity,
            probe=probe,
        )

    def probe_with(self, rows: pd.DataFrame) -> None:
        """Send some rows, marked as probes, while rollouts share the traffic from now on."""
        for name, load in self.probe_loads.items():
            spec = self.models[name]
            some = rows.sample(min(PROBED_ROWS, len(rows)), random_state=spec.training.seed)
            load.set_bodies(
                self.encode_for(spec, one, probe=True) for one in in_requests(some, rows=1)
            )

    def _wait_for_log(self, model: str, rows: int) -> None:
        def shipped() -> bool:
            return self.container.log.count(model) >= rows

        if not wait_for(shipped, seconds=60.0, check=lambda: None):
            raise PlatformUnavailable(
                "predictions are missing from the prediction log",
                expected=f"{rows} rows",
                found=f"{self.container.log.count(model)} rows",
            )

    def _watch(self) -> None:
        self.printer.catch_up()
        for load in self.probe_loads.values():
            load.send_some()


class IdleTimer:
    """Measures how long the ring is idle: events arrive a second after the store's change."""

    def __init__(self, world: OutsideWorld) -> None:
        self._world = world
        self._since: float | None = None

    def is_over(self) -> bool:
        """Return whether nothing was pending for some seconds."""
        if self._world.pending_work() is not None:
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= IDLE_SECONDS


def format_result(result: ClientResult, title: str) -> str:
    """Return the counts of a client in one line."""
    versions = ", ".join(f"version {name}" for name in sorted(result.versions, key=int))
    failed = f"; {result.failed} requests failed: {result.errors}" if result.failed else ""
    return f"  {result.rows} predictions for {title} by {versions}{failed}"
