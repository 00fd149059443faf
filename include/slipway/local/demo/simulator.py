"""Simulate the year: deliver each month's files, wait until the ring is idle, send requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from slipway.local.airflow import AirflowApi
from slipway.local.clients import ClientResult, land
from slipway.local.outside_world import OutsideWorld
from slipway.local.stack import Stack

if TYPE_CHECKING:
    import pandas as pd

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
ROWS_A_MONTH = 2000
IDLE_WITHIN_SECONDS = 240.0


class Simulator(OutsideWorld):
    """Simulates the outside world of the flights and of one model.

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
        super().__init__(stack.settings, api, dataset, [model], console)
        self.stack = stack
        self.model = self.models[model]
        self.sample = stack.folder / "sample"
        self.landing = Path(stack.settings.store) / "landing" / dataset
        self.results: dict[str, ClientResult] = {}

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
        import pandas as pd

        land(features, self.landing, "features")
        self.probe_with(pd.read_parquet(features))
        if labels is not None:
            land(labels, self.landing, "labels")
        self.wait_until_idle(within_seconds=IDLE_WITHIN_SECONDS)

    def champion(self) -> int | None:
        """Return the version with the alias `champion`."""
        return self.champion_of(self.model.model)

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
        """Request predictions of the model, see `ask`."""
        return self.ask(self.model, rows, title, meanwhile=meanwhile)

    def encode(self, rows: pd.DataFrame) -> dict[str, object]:
        """Encode rows as the body of a V2 request."""
        return self.encode_for(self.model, rows)
