"""Delivery sources: ingestion reads through a port; one file and one row add a source."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.open_delivery import open_delivery
from slipway.records.landing_area import Delivery
from slipway.records.run_context import RunContext
from slipway.records.store import digest
from slipway.spec import DatasetSpec
from slipway.spec.csv import Csv
from slipway.spec.sources import SOURCES
from slipway.stages.ingest.ingest import acknowledge, claim, ingest
from slipway.stages.ports.delivery_source import DeliverySource, OpenDelivery
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.plain_suites import PlainSuites
from tests.support.package_copy import run_with_row
from tests.support.small_specs import DATASET, EXPECTATIONS

SPEC = DatasetSpec.model_validate(
    {
        "dataset": "shop",
        "key": "id",
        "event_time": "at",
        "streams": {
            "features": {"columns": {"id": {"type": "string"}, "at": {"type": "timestamp"}}},
            "labels": {"columns": {"id": {"type": "string"}, "sold": {"type": "integer"}}},
        },
    }
)
WRITTEN = datetime(2013, 1, 1, tzinfo=UTC)


class Warehouse:
    """A delivery source without a landing area: data frames in memory, by stream and batch."""

    naming = "<stream>/<batch>"

    def __init__(self) -> None:
        self.frames: dict[tuple[str, str], pd.DataFrame] = {}

    def deliveries(self, dataset: str) -> list[Delivery]:
        """Every data frame, encoded to have a digest."""
        found = []
        for (stream, batch), frame in self.frames.items():
            data = pack_rows(frame)
            key, tag = f"{stream}/{batch}", digest(data)[:12]
            found.append(Delivery(dataset, stream, batch, key, ".parquet", len(data), WRITTEN, tag))
        return sorted(found, key=lambda one: one.order)

    def uri(self, delivery: Delivery) -> str:
        """A URI of its own scheme."""
        return f"warehouse://{delivery.key}"

    def fetch(self, delivery: Delivery, folder: Path) -> Path:
        """The data frame as a Parquet file."""
        path = folder / "frame.parquet"
        path.write_bytes(pack_rows(self.frames[delivery.stream, delivery.batch]))
        return path

    def open(self, path: Path, delivery: Delivery, *, csv: Csv) -> OpenDelivery:
        """The file's rows."""
        return open_delivery(path, delivery.suffix, csv=csv)


def frame(sold: tuple[int, ...] | None = None, rows: int = 3) -> pd.DataFrame:
    """Features, or labels if `sold` is given."""
    names = [f"s{row}" for row in range(rows)]
    if sold is not None:
        return pd.DataFrame({"id": names, "sold": sold})
    return pd.DataFrame({"id": names, "at": pd.date_range(WRITTEN, periods=rows, freq="h")})


def run(source: DeliverySource, store: MemoryStore, tables: MemoryTables) -> list[Any]:
    """Claim, ingest and acknowledge; the verdicts."""
    claimed = claim(SPEC, source=source, store=store)
    records = [
        ingest(
            SPEC,
            stream=one["stream"],  # type: ignore[arg-type]
            batch=one["batch"],
            file=one["file"],
            context=RunContext(store, {"by": "test"}),
            source=source,
            tables=tables,
            pack=pack_rows,
            suites=PlainSuites(),
            open_spool=open_spool,
        )
        for one in claimed.deliveries
    ]
    assert acknowledge(SPEC, source=source, store=store, fingerprint=claimed.fingerprint)
    return [record.verdict for record in records]


def test_ingestion_reads_from_any_source() -> None:
    """Deliveries of another source are published once, revised and blocked like files."""
    source, store = Warehouse(), MemoryStore()
    tables = MemoryTables()
    source.frames["features", "2013-01"] = frame()
    source.frames["labels", "2013-01"] = frame(sold=(0, 1, 0))
    verdicts = run(source, store, tables)
    assert [one.action for one in verdicts] == ["ingested", "ingested"]
    assert verdicts[0].evidence["delivery"] == "warehouse://features/2013-01"
    assert list(tables.read("shop/labels")["sold"]) == [0, 1, 0]
    assert run(source, store, tables) == []
    source.frames["labels", "2013-01"] = frame(sold=(1, 1, 1))
    assert [one.action for one in run(source, store, tables)] == ["revised"]
    assert list(tables.read("shop/labels")["sold"]) == [1, 1, 1]
    source.frames["labels", "2013-02"] = frame(sold=(), rows=0)
    assert [one.action for one in run(source, store, tables)] == ["blocked"]


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_of_the_table_lists_nothing_in_an_empty_store(name: str) -> None:
    """Its class takes the store, and has a word for its deliveries."""
    source: DeliverySource = resolve_name(SOURCES[name].path)(MemoryStore())
    assert source.deliveries("shop") == []
    assert source.naming


FILE = """
from datetime import UTC, datetime

from slipway.records.landing_area import Delivery


class Clock:
    naming = "<stream>/<batch>"

    def __init__(self, store):
        self.store = store

    def deliveries(self, dataset):
        at = datetime(2013, 1, 1, tzinfo=UTC)
        return [Delivery(dataset, "features", "2013-01", "clock", ".csv", 20, at, "0" * 12)]

    def uri(self, delivery):
        return "clock://"

    def fetch(self, delivery, folder):
        path = folder / "clock.csv"
        path.write_text("id,at,price,kind\\na,2013-01-01T00:00:00Z,1,x\\n")
        return path

    def open(self, path, delivery, *, csv):
        from slipway.adapters.sources.open_delivery import open_delivery

        return open_delivery(path, delivery.suffix, csv=csv)
"""
ROW = '        SourceKind(name="clock", path="slipway.adapters.sources.clock.Clock"),\n'
SCRIPT = """
from pathlib import Path

from slipway import wiring
from slipway.orchestration.landing_trigger import LandingTrigger
from slipway.settings import Settings
from slipway.wiring import Container

container = Container(Settings(store=str(Path("store").resolve()), project=Path().resolve()))
claimed = wiring.claim(dataset="shop", container=container)
assert [one["file"] for one in claimed["deliveries"]] == ["clock"], claimed
given = {"dataset": "shop", **claimed["deliveries"][0]}
outcome = wiring.run_stage("ingest", given, origin={"by": "test"}, container=container)
assert outcome.verdict.action == "ingested", outcome.verdict
assert wiring.acknowledge(dataset="shop", fingerprint=claimed["fingerprint"], container=container)
assert list(container.tables.read("shop/features")["id"]) == ["a"]
trigger = LandingTrigger(
    dataset="shop", store_root=container.settings.store, poll_seconds=1, settle_seconds=0,
    source="clock",
)
state = trigger.read_state()
assert state.landed == state.acknowledged == claimed["fingerprint"]
"""


def test_adding_a_source_is_one_file_and_one_row(tmp_path: Path) -> None:
    """A spec names the new source; claim, ingest, acknowledge and landing trigger read from it."""
    files = {
        "slipway/adapters/sources/clock.py": FILE,
        "include/datasets/shop/dataset.yaml": f"{DATASET}source: clock\n",
        "include/datasets/shop/expectations.yaml": EXPECTATIONS,
    }
    run_with_row(tmp_path, table="spec/sources.py", row=ROW, script=SCRIPT, files=files)
