"""A ferry model whose windows are collected, on fakes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.collect import DueWindows, collect
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset

TRAINED = {"slipway.training_end": "2013-03-15T00:00:00+00:00"}
APRIL = datetime(2013, 4, 1, tzinfo=UTC)


class CollectEnv:
    """Versions 1 and 2: version 1 answered until mid-May, version 2 from then to the end of June.

    Args:
        until: How far features have landed.
        labelled_until: How far labels have landed; none: nowhere.
    """

    def __init__(self, *, until: str, labelled_until: str | None = None) -> None:
        self.store = MemoryStore()
        self.tables = MemoryTables()
        rows = ferry_dataset.crossings(days=91, start=APRIL)
        clock = pd.Timestamp(until, tz=UTC)
        landed = pd.concat([rows[rows["departs"] < clock], rows.tail(1).assign(departs=clock)])
        labels = rows[rows["departs"] < pd.Timestamp(labelled_until or "2013-01-01", tz=UTC)]
        ferry_dataset.publish(self.tables, landed, labels=labels if labelled_until else None)
        versions = (rows["departs"] >= pd.Timestamp("2013-05-15", tz=UTC)).astype(int) + 1
        log = ferry_dataset.logged(rows).assign(version=versions.to_numpy())
        self.log = MemoryLog(log)
        self.registry = MonitoringRegistry(
            "ferry_delay", aliases={"champion": 2}, tags={1: TRAINED, 2: TRAINED}
        )

    def collect(self, *, monitoring: dict[str, Any] | None = None, **ports: Any) -> DueWindows:
        """Due windows."""
        return collect(
            ferry_dataset.model(monitoring=monitoring),
            ferry_dataset.dataset(),
            store=self.store,
            tables=self.tables,
            registry=self.registry,
            log=self.log,
            **ports,
        )

    def measure(self, window: str, stage: str) -> None:
        """Record a verdict."""
        ref = RunRef("ferry_delay", f"window-{window}", stage)
        perform(RunContext(self.store, {}), ref, lambda _: Verdict("ok", "Fine."), inputs={})
