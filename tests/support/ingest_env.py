"""A dataset with its landing area, tables and store, and files to deliver to it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records import arrivals, landing_area
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec
from slipway.stages.ingest.ingest import Claim, acknowledge, claim, ingest
from slipway.stages.ports.row_spool import OpenSpool
from tests.fakes.kill_points import KillableStore, KillableTables
from tests.fakes.plain_suites import BETWEEN, MEAN, PlainSuites

FAR = {"expect": BETWEEN, "kwargs": {"column": "miles", "max_value": 12500}}
SHARE = {"expect": MEAN, "kwargs": {"column": "late", "max_value": 0.6}}


def dataset_spec(**changes: Any) -> DatasetSpec:
    """Flights with one expectation per stream, and other top-level fields where given."""
    features = {
        "id": {"type": "string", "nullable": False},
        "at": {"type": "timestamp", "nullable": False},
        "miles": {"type": "number"},
    }
    labels = {"id": {"type": "string", "nullable": False}, "late": {"type": "integer"}}
    return DatasetSpec.model_validate(
        {
            "dataset": "flights",
            "key": "id",
            "event_time": "at",
            "arrival": {"settle_seconds": 0},
            "streams": {
                "features": {"columns": features, "quarantine_max_share": 0.5},
                "labels": {"columns": labels},
            },
            "expectations": {"features": [FAR], "labels": [SHARE]},
            **changes,
        }
    )


def features_csv(day: int, miles: tuple[float | str, ...] = (100, 200, 300), **more: Any) -> bytes:
    """A CSV delivery of one day's features, a row per value of `miles`."""
    frame = pd.DataFrame(
        {
            "id": [f"f{day}-{row}" for row in range(len(miles))],
            "at": [f"2013-01-{day:02d}T{row:02d}:00:00Z" for row in range(len(miles))],
            "miles": list(miles),
            **more,
        }
    )
    return frame.to_csv(index=False).encode()


def labels_parquet(day: int, late: tuple[int, ...] = (0, 1, 0)) -> bytes:
    """A Parquet delivery of one day's labels."""
    frame = pd.DataFrame({"id": [f"f{day}-{row}" for row in range(len(late))], "late": late})
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


@dataclass
class IngestEnv:
    """One dataset with its landing area, tables and store."""

    spec: DatasetSpec = field(default_factory=dataset_spec)
    store: KillableStore = field(default_factory=KillableStore)
    open_spool: OpenSpool = open_spool
    tables: KillableTables = field(init=False)
    source: LandedFiles = field(init=False)

    def __post_init__(self) -> None:
        self.tables = KillableTables(self.store)
        self.source = LandedFiles(self.store)

    def land(self, name: str, data: bytes) -> str:
        """Write a file into the landing area; its key."""
        key = f"landing/flights/{name}"
        self.store.write(key, data)
        return key

    def claim(self, batch: str | None = None) -> Claim:
        """Waiting deliveries and their fingerprint."""
        return claim(self.spec, source=self.source, store=self.store, batch=batch)

    def ingest(self, delivery: dict[str, str]) -> RunRecord:
        """Ingest one claimed delivery."""
        return ingest(
            self.spec,
            stream=delivery["stream"],  # type: ignore[arg-type]
            batch=delivery["batch"],
            file=delivery["file"],
            context=RunContext(self.store, {"by": "test"}),
            source=self.source,
            tables=self.tables,
            pack=pack_rows,
            suites=PlainSuites(),
            open_spool=self.open_spool,
        )

    def run(self, batch: str | None = None) -> list[Verdict]:
        """Run the ingest DAG: claim, ingest one by one, acknowledge."""
        claimed = self.claim(batch)
        verdicts = [self.ingest(dict(one)).verdict for one in claimed.deliveries]
        acknowledge(
            self.spec, source=self.source, store=self.store, fingerprint=claimed.fingerprint
        )
        return verdicts

    def deliver(self, name: str, data: bytes) -> Verdict:
        """Land one file, run the DAG and return its verdict."""
        self.land(name, data)
        (verdict,) = self.run()
        return verdict

    @property
    def is_unacknowledged(self) -> bool:
        """Whether the landing trigger would fire: the listing is not acknowledged."""
        landed = landing_area.fingerprint(landing_area.list_deliveries(self.store, "flights"))
        return arrivals.acknowledged(self.store, "flights") != landed

    def rows(self, stream: str = "features") -> dict[str, Any]:
        """Miles or lateness of every row, by key."""
        frame = self.tables.read(f"flights/{stream}")
        return dict(
            zip(frame["id"], frame["miles" if stream == "features" else "late"], strict=True)
        )

    def packed(self, uri: str) -> pd.DataFrame:
        """Rows of a quarantine file."""
        data = self.store.read(uri.removeprefix(f"{self.store.root}/"))
        return pd.read_parquet(io.BytesIO(data))
