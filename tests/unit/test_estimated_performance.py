"""Performance is estimated before labels, by the holdout; an estimate decides nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import measure
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.monitor.decide.judge_windows import WindowVerdict, judge_windows
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.estimate.estimate_verdict import with_estimate
from slipway.stages.monitor.estimate.estimated_performance import Estimate, estimate_metric
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, PlainReports
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

JANUARY = "2013-01-v1"


def estimated(
    metric: str, scores: np.ndarray[Any, Any], labels: Any, before: np.ndarray[Any, Any]
) -> Estimate | None:
    """The estimate of scored rows by a holdout."""
    times = pd.Series(pd.date_range("2013-01-01", periods=len(labels), freq="h", tz="UTC"))
    held_out = HeldOutRows(times, pd.Series(labels), before)
    return estimate_metric(metric, scores, held_out, threshold=0.5, seed=1, measure=measure)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier_score", "accuracy"])
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_an_estimate_follows_the_rows(metric: str, spread: float) -> None:
    """To harder and easier rows, also of scores that are no probabilities."""
    random = np.random.default_rng(1)

    def drawn(count: int, width: float) -> tuple[Any, np.ndarray[Any, Any]]:
        sure = random.normal(0, width, count)
        labels = (random.random(count) < 1 / (1 + np.exp(-2 * sure))).astype(int)
        return labels, 1 / (1 + np.exp(-sure))

    labels, before = drawn(6000, 1.0)
    truth, scores = drawn(6000, spread)
    found = estimated(metric, scores, labels, before)
    realised = measure([metric], actual=pd.Series(truth), scores=scores)[metric]
    assert found is not None
    assert realised is not None
    assert abs(found.value - realised) < 0.03
    assert found.off is not None
    assert found.off < 0.03


def test_several_classes_are_estimated() -> None:
    """Class by class, of shares that add up to 1."""
    random = np.random.default_rng(1)
    scores = random.dirichlet([1, 1, 1], 4000)
    labels = (random.random(4000)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
    found = estimated("f1_macro", scores[:2000], labels[2000:], scores[2000:])
    truth = measure(["f1_macro"], actual=pd.Series(labels[:2000]), scores=scores[:2000])
    assert found is not None
    assert abs(found.value - float(truth["f1_macro"] or 0)) < 0.05


def test_what_cannot_be_estimated_is_not() -> None:
    """Of few holdout rows nothing is told."""
    labels, scores = np.array([0, 1] * 400), np.linspace(0, 1, 800)
    assert estimated("roc_auc", scores, labels[:100], scores[:100]) is None


def watched(rows: pd.DataFrame, labels: pd.DataFrame) -> tuple[Verdict, Verdict]:
    """The drift and the performance verdict on January."""
    before = ferry_dataset.crossings(days=90, seed=2)
    reference = before.rename(columns={"score": "_score"})
    registry = MonitoringRegistry(
        "ferry_delay",
        tags={1: {}},
        references={1: reference[["wind", "port", "departs", "_score"]]},
        numeric=["wind"],
        categorical=["port"],
        held_out={1: HeldOutRows(before["departs"], before["late"], before["score"].to_numpy())},
    )
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=labels)
    common: dict[str, Any] = {
        "window": JANUARY,
        "context": RunContext(MemoryStore(), {"by": "a test"}),
        "registry": registry,
        "log": MemoryLog(ferry_dataset.logged(rows)),
    }
    spec, dataset = ferry_dataset.model(), ferry_dataset.dataset()
    drift = measure_drift(spec, dataset, reports=PlainReports(), measure=measure, **common)
    performance = measure_performance(
        spec, dataset, tables=tables, tools=performance_tools(), **common
    )
    return drift.verdict, performance.verdict


def test_a_flip_of_the_concept_alone_is_not_reassured() -> None:
    """The estimate does not move and says that it cannot; labels show the decay and its error."""
    rows = ferry_dataset.crossings(days=31)
    drift, performance = watched(rows, rows.assign(late=1 - rows["late"]))
    estimate = float(drift.numbers["estimated.roc_auc"] or 0)
    assert abs(estimate - float(drift.numbers["estimated.before"] or 0)) < 0.03
    assert "concept drift" in drift.reason
    assert "reassures of nothing" in drift.reason
    assert performance.action == "decayed"
    assert performance.numbers["estimated"] == estimate
    assert float(performance.numbers["estimate_error"] or 0) > 0.3
    assert f"It was estimated at {estimate:.4f}" in performance.reason


@pytest.mark.parametrize(("off", "alerts"), [(None, True), (0.005, True), (0.06, False)])
def test_an_estimate_alerts_beyond_its_own_error_alone(off: float | None, alerts: object) -> None:
    """A drop by which it was off on the holdout is none of the rows."""
    verdict = with_estimate(
        Verdict("ok", "Fine."), Estimate(0.66, 0.73, off), ferry_dataset.model()
    )
    assert verdict.numbers["estimated.alert"] is alerts
    assert ("It alerts" in verdict.reason) is alerts
    assert "estimated at 0.6600 (the holdout, in the same way, at 0.7300" in verdict.reason


def test_an_estimate_alerts_and_requests_nothing() -> None:
    """Rows that all look alike are hard; neither the verdict nor the decision changes by it."""
    easy = ferry_dataset.crossings(days=60)
    alike = easy[easy["score"].between(0.4, 0.6)].head(600).reset_index(drop=True)
    drift, _ = watched(alike, alike)
    assert drift.numbers["estimated.alert"] is True
    assert "It alerts" in drift.reason
    spec = ferry_dataset.model(monitoring={"fire": {"k": 1, "n": 1}})
    found = WindowVerdict(JANUARY, "ok", drift.reason, "record")
    assert judge_windows([found], [], spec.monitoring.fire).action == "nothing"
