"""Decay is called where it is shown, with the errors of the window and of the holdout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.held_out_rows import FILE, HeldOutRows, read_held_out
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.labels.label_maturity import LandedLabels, labels_have_matured
from slipway.stages.monitor.performance.loss import Loss, paired_loss
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.monitor.performance.promise import loss_against_promise, promise_of
from slipway.stages.monitor.windows.window_blocks import divide_window, resampling
from slipway.stages.monitor.windows.windows import parse_monitored_window
from slipway.wiring.gate_tools import gate_tools
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

JANUARY = "2013-01-v1"


def held_out(rows: pd.DataFrame) -> HeldOutRows:
    """Rows as the holdout of a version that answered them."""
    return HeldOutRows(rows["departs"], rows["late"], rows["score"].to_numpy())


def judged(
    rows: pd.DataFrame,
    *,
    holdout: pd.DataFrame | None = None,
    labels: pd.DataFrame | None = None,
    spec: ModelSpec | None = None,
    window: str = JANUARY,
) -> Verdict:
    """The verdict on January, or another window, of a version with a holdout."""
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=rows if labels is None else labels)
    return measure_performance(
        spec or ferry_dataset.model(),
        ferry_dataset.dataset(),
        window=window,
        context=RunContext(MemoryStore(), {"by": "a test"}),
        registry=MonitoringRegistry(
            "ferry_delay",
            tags={1: {"slipway.metric.roc_auc": "0.65"}},
            held_out={} if holdout is None else {1: held_out(holdout)},
        ),
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=performance_tools(),
    ).verdict


def as_judged(rows: pd.DataFrame) -> JudgedRows:
    """Rows as the area under the ROC curve judges them."""
    return JudgedRows.of(
        "roc_auc",
        times=rows["departs"],
        truth=rows["late"],
        scores=rows["score"].to_numpy(),
        threshold=0.5,
    )


def loss_of(rows: JudgedRows, holdout: JudgedRows, *, is_skill: bool = True) -> Loss:
    """The loss in a month against a holdout."""
    tools = gate_tools()
    promise = promise_of(holdout, is_skill=is_skill, window="month", seed=1, tools=tools)
    assert promise is not None
    blocks = divide_window(rows.times, window="month")
    loss = loss_against_promise(rows, promise, blocks=blocks, seed=1, against="", tools=tools)
    assert loss is not None
    return loss


def watched(metric: str, **criteria: object) -> ModelSpec:
    """A model judged by a metric, at a margin of 0 if not told otherwise."""
    return ferry_dataset.model(
        monitoring={"performance": {"metric": metric, "max_absolute_drop": 0.0, **criteria}}
    )


def test_both_errors_are_counted() -> None:
    """A small holdout makes the interval of the loss wider than a large one."""
    rows = ferry_dataset.crossings(days=31)
    widths = []
    for days in (6, 90):
        numbers = judged(rows, holdout=ferry_dataset.crossings(days=days, seed=2)).numbers
        widths.append(float(numbers["drop_upper"] or 0) - float(numbers["drop_lower"] or 0))
    assert widths[0] > 1.5 * widths[1]


def test_a_lucky_holdout_is_no_decay() -> None:
    """Of 60 models that never change, few are called decayed at a margin of 0.

    By the point figures alone about half of them are.
    """
    decayed = below = 0
    for seed in range(60):
        rows, holdout = (
            as_judged(ferry_dataset.crossings(days=days, seed=2 * seed + one))
            for one, days in enumerate((31, 14))
        )
        loss = loss_of(rows, holdout)
        below += loss.value > 0
        decayed += loss.value - loss.reach(0.95) > 0
    assert decayed <= 6, decayed
    assert below > 15


def test_a_real_loss_is_found_with_its_interval() -> None:
    """Answers that mean little any more are decay, and the verdict tells between what bounds."""
    rows = ferry_dataset.crossings(days=31)
    labels = rows.assign(late=np.random.default_rng(1).permutation(rows["late"]))
    verdict = judged(rows, labels=labels, holdout=ferry_dataset.crossings(days=28, seed=2))
    assert verdict.action == "decayed"
    assert float(verdict.numbers["drop_lower"] or 0) > 0.05
    assert "beyond the 0.0500 allowed" in verdict.reason


def test_a_harder_month_is_no_decay_by_the_skill() -> None:
    """Where all differences are twice as large, errors are, and those of a constant too."""
    random = np.random.default_rng(1)

    def drawn(days: int, *, scale: float) -> JudgedRows:
        count = days * 40
        known = random.normal(size=count)
        times = pd.Series(pd.date_range("2013-01-01", periods=count, freq="36min", tz="UTC"))
        return JudgedRows.of(
            "mean_absolute_error",
            times=times,
            truth=pd.Series(scale * (known + random.normal(size=count))),
            scores=scale * known,
            threshold=0.5,
        )

    rows, holdout = drawn(31, scale=2.0), drawn(28, scale=1.0)
    for is_skill in (False, True):
        loss = loss_of(rows, holdout, is_skill=is_skill)
        assert (loss.value - loss.reach(0.95) > 0.5) == (not is_skill)
        assert (abs(loss.value) < 0.1) == is_skill


def test_a_champion_of_a_hard_fortnight_cannot_hide_its_decay() -> None:
    """Its holdout promises little, so only another model on the same rows shows what it lost."""
    random = np.random.default_rng(1)

    def drawn(days: int, *skills: float) -> list[JudgedRows]:
        count = days * 40
        late = (random.random(count) < 0.5).astype(int)
        times = pd.Series(pd.date_range("2013-01-01", periods=count, freq="36min", tz="UTC"))
        return [
            JudgedRows.of(
                "roc_auc",
                times=times,
                truth=pd.Series(late),
                scores=late * skill + random.normal(size=count),
                threshold=0.5,
            )
            for skill in skills
        ]

    (holdout,) = drawn(14, 0.8)
    rows, fresh = drawn(31, 1.2, 1.9)
    assert loss_of(rows, holdout).value < 0
    gain = gate_tools().gains.of_metrics(
        ["roc_auc"],
        actual=rows.truth,
        challenger=rows.scores,
        other=fresh.scores,
        resampling=resampling(
            divide_window(rows.times, window="month").own, confidence=0.95, seed=1
        ),
    )["roc_auc"]
    assert gain is not None
    loss = paired_loss(gain, expected=0.9, blocks=31, unit="day", against="")
    assert loss.value - loss.reach(0.95) > 0.03


def test_a_champion_worse_than_a_constant_has_decayed_at_any_margin() -> None:
    """A flipped concept is found however much loss the spec allows."""
    rows = ferry_dataset.crossings(days=31)
    verdict = judged(
        rows,
        labels=rows.assign(late=1 - rows["late"]),
        holdout=ferry_dataset.crossings(days=28, seed=2),
        spec=watched("roc_auc", max_absolute_drop=0.9),
    )
    assert verdict.action == "decayed"
    assert "worse than a constant" in verdict.reason


def test_a_week_is_judged_by_its_days_with_a_wider_interval() -> None:
    """Seven days are few, so the holdout's days tell as well how much one differs."""
    spec = ferry_dataset.model(
        monitoring={
            "window": "week",
            "performance": {"metric": "roc_auc", "max_absolute_drop": 0.05},
        }
    )
    rows = ferry_dataset.crossings(days=31)
    holdout = ferry_dataset.crossings(days=28, seed=2)
    week = judged(rows, holdout=holdout, spec=spec, window="2013-W02-v1")
    month = judged(rows, holdout=holdout)
    assert (week.numbers["blocks"], week.numbers["block"]) == (7, "day")
    assert float(week.numbers["detectable_drop"] or 0) > float(
        month.numbers["detectable_drop"] or 0
    )


def test_a_window_of_one_day_has_at_least_the_error_of_a_day() -> None:
    """Its hours tell nothing of how much days differ; the holdout's days do."""
    spec = ferry_dataset.model(
        monitoring={
            "window": "day",
            "min_rows": 10,
            "performance": {"metric": "brier_score", "max_absolute_drop": 0.05},
        }
    )
    rows = ferry_dataset.crossings(days=3)
    verdict = judged(
        rows, holdout=ferry_dataset.crossings(days=28), spec=spec, window="2013-01-02-v1"
    )
    assert verdict.action == "ok", verdict.reason
    assert verdict.numbers["block"] == "hour"


@pytest.mark.parametrize("metric", ["log_loss", "brier_score", "accuracy"])
def test_fast_labels_all_negative_give_no_early_verdict(metric: str) -> None:
    """Labels of one kind that come sooner than the others judge nothing, by any metric."""
    rows = ferry_dataset.crossings(days=31)
    early = rows[rows["late"] == 0]
    assert len(early) > 300
    verdict = judged(rows, labels=early, spec=watched(metric))
    assert verdict.action == "inconclusive"
    assert "labels of one kind may come sooner than others" in verdict.reason


def test_a_window_with_labels_of_one_kind_is_not_due_early() -> None:
    """It waits for one window more, as one with too few labels does."""
    rows = ferry_dataset.crossings(days=31)
    spec, monitored = ferry_dataset.model(), parse_monitored_window(JANUARY, "month")
    due = {}
    for name, labels in (("early", rows[rows["late"] == 0]), ("all", rows)):
        tables = MemoryTables()
        ferry_dataset.publish(tables, rows, labels=labels)
        landed = LandedLabels(spec, ferry_dataset.dataset(), tables)
        for days in (15, 45):
            clock = monitored.window.end + pd.Timedelta(days=days)
            log = MemoryLog(ferry_dataset.logged(rows))
            due[name, days] = labels_have_matured(spec, monitored, clock, log=log, labels=landed)
    assert due == {
        ("early", 15): False,
        ("early", 45): True,
        ("all", 15): True,
        ("all", 45): True,
    }


def test_a_version_without_holdout_rows_is_compared_with_its_tag() -> None:
    """One of an earlier release has only a figure; the verdict says that its error is not known."""
    verdict = judged(ferry_dataset.crossings(days=31))
    assert verdict.action == "ok"
    assert verdict.numbers["promised"] == 0.65
    assert "error of the holdout's figure is not known" in verdict.reason


@pytest.mark.parametrize("shape", [(500,), (500, 3)])
def test_holdout_rows_are_kept_as_they_are(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """In order of time, with scores of one or of several columns."""
    times = pd.Series(pd.date_range("2013-01-01", periods=500, freq="h", tz="UTC"))[::-1]
    scores = np.random.default_rng(1).random(shape)
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_bytes(HeldOutRows(times, pd.Series(range(500)), scores).to_bytes())
    found = read_held_out(tmp_path)
    assert found is not None
    assert found.labels.tolist() == list(range(500))
    assert found.times.tolist() == times.tolist()
    assert np.array_equal(found.scores, scores)
    assert found.bounded().labels.tolist() == list(range(499, -1, -1))


def test_a_version_without_the_file_has_no_holdout_rows(tmp_path: Path) -> None:
    """As one that an earlier release saved."""
    assert read_held_out(tmp_path) is None
