"""A champion with recorded verdicts on its windows, and the decision on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.decide.decide_retraining import decide
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset

ORIGIN = {"by": "a test"}


class DecideEnv:
    """A champion with predictions from April to July and recorded verdicts."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.tables = MemoryTables()
        rows = ferry_dataset.crossings(days=122, start=ferry_dataset.START + timedelta(days=90))
        ferry_dataset.publish(self.tables, rows)
        self.log = MemoryLog(ferry_dataset.logged(rows))
        tags = {"slipway.training_end": "2013-03-30T00:00:00+00:00"}
        self.registry = MonitoringRegistry(
            "ferry_delay", aliases={"champion": 1}, tags={1: tags, 2: tags}
        )

    def measure(
        self,
        window: str,
        action: str,
        *,
        stage: str = "drift",
        numbers: Mapping[str, Number] | None = None,
    ) -> RunRecord:
        """Record a verdict."""
        ref = RunRef("ferry_delay", f"window-{window}", stage)
        verdict = Verdict(action, f"{window} is {action}.", dict(numbers or {}))
        return perform(RunContext(self.store, ORIGIN), ref, lambda _: verdict, inputs={})

    def decide(self) -> Verdict:
        """Decide on the recorded verdicts."""
        return decide(
            ferry_dataset.model(),
            ferry_dataset.dataset(),
            context=RunContext(self.store, ORIGIN),
            tables=self.tables,
            registry=self.registry,
            log=self.log,
        )
