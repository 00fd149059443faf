"""Late labels revise a verdict beside the first one, at most twice, and the newest counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.errors import NotFound
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.verdicts import Verdict
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.monitor.collect import DueWindows, collect
from slipway.stages.monitor.decide.decide_retraining import decide
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

MAY = "2013-05-v1"


class Late:
    """A version that answered in May, whose labels arrive bit by bit."""

    def __init__(self) -> None:
        self.rows = ferry_dataset.crossings(days=31, start=pd.Timestamp("2013-05-01", tz="UTC"))
        self.store, self.tables = MemoryStore(), MemoryTables()
        clock = pd.Timestamp("2013-07-20", tz="UTC")
        later = self.rows.tail(1).assign(crossing="later", departs=clock)
        self.landed = pd.concat([self.rows, later], ignore_index=True)
        ferry_dataset.publish(self.tables, self.landed)
        self.registry = MonitoringRegistry(
            "ferry_delay",
            aliases={"champion": 1},
            tags={
                1: {
                    "slipway.metric.roc_auc": "0.75",
                    "slipway.training_end": "2013-03-15T00:00:00+00:00",
                }
            },
        )
        before = ferry_dataset.crossings(days=28, seed=2)
        held_out = HeldOutRows(before["departs"], before["late"], before["score"].to_numpy())
        self.registry.held_out[1] = held_out
        ref = RunRef("ferry_delay", f"window-{MAY}", "drift")
        perform(self.context, ref, lambda _: Verdict("ok", "Fine."), inputs={})

    @property
    def context(self) -> RunContext:
        """Where records are."""
        return RunContext(self.store, {"by": "a test"})

    @property
    def ports(self) -> dict[str, Any]:
        """What stages read."""
        log = MemoryLog(ferry_dataset.logged(self.rows))
        return {"registry": self.registry, "tables": self.tables, "log": log}

    def label(self, labels: pd.DataFrame) -> None:
        """Deliver labels."""
        ferry_dataset.publish(self.tables, self.landed, labels=labels)

    def due(self) -> list[str]:
        """Windows whose performance is due."""
        found: DueWindows = collect(
            ferry_dataset.model(), ferry_dataset.dataset(), store=self.store, **self.ports
        )
        return found["performance"]

    def measure(self, window: str) -> RunRecord:
        """Measure a window."""
        return measure_performance(
            ferry_dataset.model(),
            ferry_dataset.dataset(),
            window=window,
            context=self.context,
            tools=performance_tools(),
            **self.ports,
        )

    def decide(self) -> Verdict:
        """Decide on a retraining."""
        spec = ferry_dataset.model(monitoring={"fire": {"k": 1, "n": 1}})
        return decide(spec, ferry_dataset.dataset(), context=self.context, **self.ports)


def flipped(rows: pd.DataFrame) -> pd.DataFrame:
    """Labels that contradict the answers."""
    return rows.assign(late=1 - rows["late"])


def test_late_labels_revise_a_verdict_beside_the_first() -> None:
    """The revision says what it was before, and why; the first record stays."""
    late = Late()
    late.label(late.rows.iloc[:400])
    assert late.due() == [MAY]
    first = late.measure(MAY)
    assert first.verdict.action == "ok"
    assert late.due() == []
    late.label(pd.concat([late.rows.iloc[:400], flipped(late.rows.iloc[400:])]))
    assert late.due() == [f"{MAY}-r1"]
    second = late.measure(f"{MAY}-r1")
    assert second.verdict.action == "decayed"
    assert "Revised by late labels: 1,240 now, 400 when it was judged ok." in second.verdict.reason
    assert second.verdict.numbers["action_before"] == "ok"
    assert need_record(late.store, first.ref) == first


def test_a_decision_reads_the_newest_revision() -> None:
    """It requests a retraining that the first verdict did not ask for, and once for the window."""
    late = Late()
    late.label(late.rows.iloc[:400])
    late.measure(MAY)
    assert late.decide().action == "nothing"
    late.label(pd.concat([late.rows.iloc[:400], flipped(late.rows.iloc[400:])]))
    late.measure(f"{MAY}-r1")
    request = late.decide()
    assert request.action == "request"
    assert request.numbers["window"] == MAY
    assert late.decide().numbers["request"] == request.numbers["request"]


@pytest.mark.parametrize(
    ("corrected", "action"),
    [
        (flipped, "decayed"),
        (lambda rows: rows.assign(late=np.nan), "inconclusive"),
    ],
    ids=["another value", "taken back"],
)
def test_corrected_labels_revise_a_verdict(
    corrected: Callable[[pd.DataFrame], pd.DataFrame], action: str
) -> None:
    """A verdict does not stand on labels that hold no more, though their number is the same."""
    late = Late()
    rows = late.rows.astype({"late": "float64"})
    late.label(rows)
    assert late.measure(late.due()[0]).verdict.action == "ok"
    late.label(pd.concat([corrected(rows.iloc[:100]), rows.iloc[100:]]))
    assert late.due() == []
    late.label(corrected(rows))
    assert late.due() == [f"{MAY}-r1"]
    second = late.measure(f"{MAY}-r1").verdict
    assert second.action == action
    assert "Revised by corrected labels: " in second.reason


def test_labels_whose_earlier_version_is_gone_are_compared_by_their_number() -> None:
    """Old files of a table may be removed; what was judged stays, and nothing fails."""
    late = Late()
    late.label(late.rows)
    judged = Verdict("ok", "Fine.", {"labelled": len(late.rows)})
    ref, gone = RunRef("ferry_delay", f"window-{MAY}", "performance"), {"labels_version": 99}
    perform(late.context, ref, lambda _: judged, inputs=gone)
    late.label(flipped(late.rows))
    assert late.due() == []


def test_revisions_are_few_and_need_many_late_labels() -> None:
    """A tenth of the predictions is labelled anew; after two revisions there are no more."""
    late = Late()
    windows = []
    for labelled in (400, 420, 600, 800, 1000, 1240):
        late.label(late.rows.iloc[:labelled])
        found = late.due()
        windows.append(found)
        for one in found:
            late.measure(one)
    assert windows == [[MAY], [], [f"{MAY}-r1"], [f"{MAY}-r2"], [], []]


def test_a_revision_follows_a_verdict() -> None:
    """One of a window that was never measured has nothing to revise."""
    late = Late()
    late.label(late.rows)
    with pytest.raises(NotFound, match="has not finished"):
        late.measure(f"{MAY}-r1")
