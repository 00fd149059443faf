"""Slices and groups of a window's rows are findings of their own, by the gates' own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.monitor.decide.judge_windows import WindowVerdict, judge_windows
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

SLICES = {"columns": ["port"], "min_rows": 100}
FAIRNESS = {
    "columns": ["port"],
    "metrics": {"demographic_parity_difference": 0.1},
    "min_rows": 50,
}


def judged(rows: pd.DataFrame, labels: pd.DataFrame, **gates: Any) -> Verdict:
    """The verdict on January with slices or groups in the gates."""
    value = ferry_dataset.model().model_dump()
    value["gates"] = {"metrics": {"roc_auc": {}}, **gates}
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=labels)
    before = ferry_dataset.crossings(days=28, seed=2)
    held_out = HeldOutRows(before["departs"], before["late"], before["score"].to_numpy())
    return measure_performance(
        ModelSpec.model_validate(value),
        ferry_dataset.dataset(),
        window="2013-01-v1",
        context=RunContext(MemoryStore(), {"by": "a test"}),
        registry=MonitoringRegistry("ferry_delay", tags={1: {}}, held_out={1: held_out}),
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=performance_tools(),
    ).verdict


def test_a_port_where_answers_are_wrong_is_a_finding() -> None:
    """It is worse than a constant there, and the verdict on all rows stays what it is."""
    rows = ferry_dataset.crossings(days=31).assign(
        port=lambda frame: np.where(np.arange(len(frame)) % 8 == 0, "Oban", "Mallaig")
    )
    in_oban = rows["port"] == "Oban"
    labels = rows.assign(late=rows["late"].where(~in_oban, 1 - rows["late"]))
    verdict = judged(rows, labels, slices=SLICES)
    assert verdict.numbers["slices.worst"] == "port = Oban"
    assert verdict.numbers["slices.worse"] == 1
    assert "Finding: in the slice port = Oban it is shown to be worse than" in verdict.reason


def test_a_finding_alone_requests_nothing() -> None:
    """A decision counts what the verdict on all rows says."""
    found = WindowVerdict("2013-01-v1", "ok", "Fine. Finding: in a slice.", "record")
    spec = ferry_dataset.model(monitoring={"fire": {"k": 1, "n": 1}})
    assert judge_windows([], [found], spec.monitoring.fire).action == "nothing"


def test_without_a_bad_slice_the_worst_one_is_told() -> None:
    """It is no finding."""
    rows = ferry_dataset.crossings(days=31)
    verdict = judged(rows, rows, slices=SLICES)
    assert verdict.action == "ok"
    assert verdict.numbers["slices"] == 3
    assert "Its worst slice is port = " in verdict.reason
    assert "Finding" not in verdict.reason


def test_ports_that_are_treated_too_unequally_are_a_finding() -> None:
    """By the limits of the gates, with their error."""
    rows = ferry_dataset.crossings(days=31)
    fair = judged(rows, rows, fairness={**FAIRNESS, "metrics": {FAIRNESS_METRIC: 0.3}})
    assert "Finding" not in fair.reason
    raised = rows["score"].where(rows["port"] != "Oban", rows["score"] + 0.35).clip(0, 1)
    unfair = judged(rows.assign(score=raised), rows, fairness=FAIRNESS)
    assert f"Finding: {FAIRNESS_METRIC} by port is" in unfair.reason
    assert unfair.numbers["fairness.beyond"] == 1


FAIRNESS_METRIC = "demographic_parity_difference"


def test_a_column_that_the_log_lacks_is_named() -> None:
    """A sensitive column may be no feature, so that no request has it."""
    rows = ferry_dataset.crossings(days=31)
    verdict = judged(rows, rows, slices={"columns": ["port", "deck"], "min_rows": 100})
    assert "Not looked at by group, since the log lacks it: deck." in verdict.reason
    assert verdict.numbers["slices"] == 3
