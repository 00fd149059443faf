"""Deliveries of a script: files that land and are ingested, and what has to stand of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records.run_context import RunContext
from slipway.records.store import Store
from slipway.stages.ingest.ingest import acknowledge, claim, ingest
from tests.fakes.plain_suites import PlainSuites
from tests.support.ingest_env import dataset_spec, features_csv
from tests.support.theorem.writes import TABLE_WRITES, Port, Writes

SPEC = dataset_spec()
FILES = {
    "1": ("features/b1.csv", features_csv(1)),
    "2": ("features/b2.csv", features_csv(2)),
    "2 again, changed": ("features/b2.csv", features_csv(2, (5, 6, 7, 8))),
}


class Deliveries:
    """One dataset's landing area and tables.

    Args:
        store: Landing area and records; writes to it are not counted.
        counted: The same store; writes to it are.
        tables: Tables of the dataset.
        writes: Counts the writes.
    """

    def __init__(self, store: Store, counted: Store, *, tables: Any, writes: Writes) -> None:
        self._store, self._counted, self._tables = store, counted, tables
        self._port: Any = Port(tables, writes, names=TABLE_WRITES)
        self._landed: dict[str, int] = {}

    def deliver(self, batch: str) -> None:
        """Land a file and run the ingest DAG, or with no batch what waits."""
        if batch:
            name, data = FILES[batch]
            self._store.write(f"landing/flights/{name}", data)
            self._landed[name] = data.count(b"\n") - 1
        source = LandedFiles(self._store)
        claimed = claim(SPEC, source=source, store=self._counted)
        for one in claimed.deliveries:
            ingest(
                SPEC,
                stream=one["stream"],  # type: ignore[arg-type]
                batch=one["batch"],
                file=one["file"],
                context=RunContext(self._counted, {"by": "test"}),
                source=source,
                tables=self._port,
                pack=pack_rows,
                suites=PlainSuites(),
                open_spool=open_spool,
            )
        acknowledge(SPEC, source=source, store=self._counted, fingerprint=claimed.fingerprint)

    def problems(self) -> Iterator[str]:
        """In words: not each row stands once; for a quiet world."""
        if self._landed:
            stands = len(self._tables.read("flights/features"))
            if stands != sum(self._landed.values()):
                yield f"{stands} rows stand of deliveries of {self._landed}"
