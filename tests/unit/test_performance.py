"""Realised performance of one window, compared with the champion's metric on its holdout."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.stages.monitor.labels.label_join import join_labels
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.loss import Error, Loss
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, UnreadableLog
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

PROMISED = {1: {"slipway.metric.roc_auc": "0.65"}}


def measured(
    *,
    labelled: int = 1200,
    tags: dict[int, dict[str, str]] = PROMISED,
    flipped: bool = False,
    asked_again: bool = False,
    store: MemoryStore | None = None,
    torn: datetime | None = None,
    odd_scores: int = 0,
    one_kind: bool = False,
) -> RunRecord:
    """The performance record of January."""
    rows = ferry_dataset.crossings(days=31)
    tables = MemoryTables()
    labels = rows.iloc[:labelled].assign(**({"late": 1} if one_kind else {}))
    ferry_dataset.publish(
        tables, rows, labels=labels.assign(late=1 - labels["late"]) if flipped else labels
    )
    log = ferry_dataset.logged(rows)
    log.loc[log.index[:odd_scores], "score"] = float("nan")
    if asked_again:
        earlier = log.assign(request_id="earlier", row=range(len(log)), score=0.5)
        earlier["received_at"] -= pd.Timedelta(hours=1)
        log = pd.concat([log, earlier])
    return measure_performance(
        ferry_dataset.model(),
        ferry_dataset.dataset(),
        window="2013-01-v1",
        context=RunContext(store or MemoryStore(), {"by": "a test"}),
        registry=MonitoringRegistry("ferry_delay", tags=tags),
        tables=tables,
        log=UnreadableLog(log, torn=torn) if torn else MemoryLog(log),
        tools=performance_tools(),
    )


def test_a_champion_as_good_as_on_its_holdout_is_ok() -> None:
    """The verdict has the value, the holdout's, the constant model's and the labels' coverage."""
    numbers = measured().verdict.numbers
    assert measured().verdict.action == "ok"
    assert numbers["labelled"] == 1200
    assert numbers["coverage"] == round(1200 / 1240, 4)
    assert numbers["predictions_without_label"] == 40
    assert numbers["constant"] == 0.5
    assert numbers["promised"] == 0.65
    assert 0.6 < float(numbers["roc_auc"] or 0) < 0.9


def test_a_champion_that_does_worse_than_allowed_has_decayed() -> None:
    """Inverted predictions are decay, with the drop."""
    verdict = measured(flipped=True).verdict
    assert verdict.action == "decayed"
    assert float(verdict.numbers["drop"] or 0) > 0.05


def test_too_few_labels_tell_nothing() -> None:
    """Below `min_rows` labelled predictions the window is inconclusive."""
    verdict = measured(labelled=99).verdict
    assert (verdict.action, verdict.numbers["labelled"]) == ("inconclusive", 99)


def test_a_metric_that_is_not_known_is_told_with_its_cause() -> None:
    """Scores that are no numbers, or labels that are all the same."""
    reason = measured(odd_scores=50).verdict.reason
    assert reason.startswith("roc_auc is not known, since 50 scores are not finite, so nothing")
    reason = measured(labelled=1240, one_kind=True).verdict.reason
    assert reason.startswith("roc_auc is not known, since all 1,240 labels are the same, so ")


def test_a_loss_is_told_in_one_bracket() -> None:
    """Both ways round, with its bounds."""
    monitoring = ferry_dataset.model().monitoring
    found = []
    for value in (-0.01, 0.01):
        loss = Loss(value, 0.7, (Error(0.02, 20.0),), 20, "day", "its holdout let expect")
        realised = RealisedPerformance(1000, 900, 0.7 - value, 0.5, loss)
        found.append(judge_performance(realised, monitoring).reason)
    assert ": better by 0.0100 (between -0.0" in found[0]
    assert ": worse by 0.0100 (between -0.0" in found[1]
    assert "), not shown to be beyond the 0.0500 allowed. A loss of" in found[1]


def test_without_labels_nothing_is_computed() -> None:
    """A window without labels is inconclusive, not an error."""
    assert measured(labelled=1, tags={}).verdict.action == "inconclusive"


def test_a_champion_without_a_holdout_metric_is_inconclusive() -> None:
    """There is no verdict by default: nothing is compared."""
    verdict = measured(tags={}).verdict
    assert verdict.action == "inconclusive"
    assert "champion's own holdout" in verdict.reason


def test_a_repeated_key_counts_once() -> None:
    """The newest prediction for a key counts; the others are counted as left out."""
    once, again = measured().verdict.numbers, measured(asked_again=True).verdict.numbers
    assert again == {**once, "repeated_predictions": 1240}


def test_a_measured_window_is_not_measured_again() -> None:
    """Late labels do not change a verdict."""
    store = MemoryStore()
    first = measured(store=store)
    assert measured(flipped=True, store=store) == first


def test_rows_without_a_key_cannot_be_judged() -> None:
    """A prediction without a key joins no label."""
    rows = ferry_dataset.logged(ferry_dataset.crossings(days=1)).assign(key=None)
    joined = join_labels(rows, pd.Series({"c0000000": 1.0}))
    assert (joined.predicted, len(joined.rows), joined.without_key) == (0, 0, len(rows))


@given(
    st.sampled_from(["roc_auc", "log_loss"]),
    st.floats(0, 1),
    st.floats(-1, 1),
    st.floats(0, 0.3),
    st.floats(0.001, 0.5),
)
def test_only_a_loss_shown_to_be_beyond_the_margin_is_decay(
    metric: str, value: float, lost: float, error: float, allowed: float
) -> None:
    """Its whole interval is beyond the allowed loss, whatever the metric's direction."""
    spec = ferry_dataset.model(
        monitoring={"performance": {"metric": metric, "max_absolute_drop": allowed}}
    )
    loss = Loss(lost, value + lost, (Error(error, 20.0),), 20, "day", "its holdout let expect")
    verdict = judge_performance(RealisedPerformance(1000, 900, value, 0.5, loss), spec.monitoring)
    beyond = lost - 1.7291 * error > allowed
    if abs(lost - 1.7291 * error - allowed) > 1e-4:
        assert verdict.action == ("decayed" if beyond else "ok")


def test_a_metric_that_cannot_be_computed_is_inconclusive() -> None:
    """Labels of one class have no ranking metric."""
    verdict = judge_performance(
        RealisedPerformance(1000, 900, None, None, None), ferry_dataset.model().monitoring
    )
    assert verdict.action == "inconclusive"
    assert "on these rows" in verdict.reason


def test_a_window_whose_log_is_torn_is_inconclusive() -> None:
    """The verdict names the unreadable segment."""
    verdict = measured(torn=datetime(2013, 1, 9, tzinfo=UTC)).verdict
    assert verdict.action == "inconclusive"
    assert "not readable (predictions/ferry_delay/day=2013-01-09/a.parquet)" in verdict.reason
