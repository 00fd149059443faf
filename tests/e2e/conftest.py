"""One real Airflow, MLflow and platform for all end-to-end tests, on a house of ferries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from slipway.local.airflow import AirflowApi
from slipway.local.stack import Stack
from slipway.local.year import Asked, ask, in_requests, land, wait_for
from slipway.records import arrivals, ledger
from slipway.stages.platform import payload
from slipway.wiring import Workshop
from tests.e2e import ferries

SOURCE = Path(__file__).resolve().parents[2]
COLUMNS = [("wind_knots", "number", False), ("cars", "number", False), ("pier", "string", False)]


@dataclass
class House:
    """A running installation, as a user stands before it."""

    stack: Stack
    api: AirflowApi
    files: Path
    shop: Workshop = field(init=False)
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.shop = Workshop(self.stack.settings)
        self.client = httpx.Client(base_url=self.stack.addresses.platform, timeout=30.0)

    @property
    def landing(self) -> Path:
        return Path(self.stack.settings.store) / "landing" / "ferries"

    def land_features(self, *days: int, turned: bool = False) -> None:
        for number in days:
            land(ferries.features_file(self.files, number, turned=turned), self.landing, "features")

    def land_labels(self, *days: int, turned: bool = False) -> None:
        for number in days:
            land(ferries.labels_file(self.files, number, turned=turned), self.landing, "labels")

    def until(self, condition: Callable[[], bool], what: str, *, seconds: float = 150.0) -> None:
        if not wait_for(condition, seconds=seconds, check=lambda: None):
            pytest.fail(f"within {seconds:.0f} s it did not come to: {what}; {self.told()}")

    def ingested(self) -> bool:
        landed = arrivals.landed(self.shop.store, "ferries")
        return arrivals.acknowledged(self.shop.store, "ferries") == arrivals.fingerprint(landed)

    def champion(self) -> int | None:
        version = self.shop.registry.alias("ferry_delay", "champion")
        return None if version is None else version.version

    def facts(self, subject: str, stage: str) -> list[dict[str, object]]:
        entries = ledger.read(self.shop.store, subject)
        return [entry["fact"] for entry in entries if entry["fact"]["stage"] == stage]

    def told(self) -> list[str]:
        """The last verdicts, for a failing test's message."""
        lines = []
        for subject in ledger.subjects(self.shop.store):
            for entry in ledger.read(self.shop.store, subject)[-6:]:
                fact = entry["fact"]
                lines.append(f"{subject} {fact['stage']} {fact['action']}: {fact['reason']}")
        return lines

    def ask(self, number: int, *, turned: bool = False) -> Asked:
        rows = ferries.day(number, turned=turned)
        return ask(
            self.client,
            "ferry_delay",
            in_requests(rows, rows=20),
            encode=lambda frame: payload(frame, COLUMNS, key="crossing", event_time="departs"),
        )


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house, empty at first; tests of one session share what they build."""
    folder = tmp_path_factory.mktemp("house")
    stack = Stack(ferries.build(folder / "project", source=SOURCE), folder / "state")
    try:
        api = stack.up(progress=lambda step: None)
        yield House(stack, api, folder / "files")
    finally:
        stack.down()
