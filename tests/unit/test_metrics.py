"""The table of metrics: one row adds a metric to specs, evaluation, gates and monitoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import measure
from slipway.spec.gates import Gates, Threshold
from slipway.spec.metrics import METRICS, metrics_of
from slipway.spec.monitoring import Monitoring
from slipway.spec.sanity import Sanity
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.loss import Loss
from slipway.stages.monitor.performance.promise import Promise, loss_against_promise
from slipway.stages.monitor.windows.window_blocks import divide_window
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools
from tests.support.package_copy import run_with_row

NOT_JUDGED = Sanity.model_validate(obj=False)
ROWS = {
    "classification": (pd.Series([0, 0, 1, 1]), [0.1, 0.4, 0.6, 0.9], [0.9, 0.6, 0.4, 0.1]),
    "multiclass": (
        pd.Series([0, 1, 2]),
        [[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]],
        [[0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.2, 0.7, 0.1]],
    ),
    "regression": (pd.Series([1.0, 2.0, 3.0, 4.0]), [1.1, 2.1, 2.9, 4.0], [9.0, 0.0, 9.0, 0.0]),
}
"""By task: labels, good predictions, bad predictions."""

NEW_ROW = """\
        Metric(
            "max_error",
            "regression",
            greater_is_better=False,
            function="sklearn.metrics.max_error",
        ),
"""
USE_IT = """
import numpy as np
import pandas as pd
from slipway.adapters.metrics import measure
from slipway.spec.metrics import metrics_of
from slipway.spec.gates import Gates
from slipway.spec.monitoring import Monitoring
from slipway.spec.sanity import Sanity
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.promise import Promise, loss_against_promise
from slipway.stages.monitor.windows.window_blocks import divide_window
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools

name = "max_error"
assert name in metrics_of("regression")
gates = Gates.model_validate({"metrics": {name: {"threshold": 2.0}}, "sanity": False})
watched = Monitoring.model_validate({"performance": {"metric": name, "max_absolute_drop": 0.5}})
value = measure([name], actual=pd.Series([1.0, 2.0]), scores=[1.5, 5.0])[name]
assert value == 3.0
numbers = {"rows": 900, "champion.version": None, "constant.max_error": 9.0}
reason = gate(gates, numbers | {"challenger.max_error": value}).reason
assert "max_error 3.0000 is above the threshold 2" in reason, reason
assert gate(gates, numbers | {"challenger.max_error": 1.0}).action == "promote"
times = pd.Series(pd.date_range("2013-01-01", periods=900, freq="h", tz="UTC"))
truth = pd.Series(np.arange(900.0))
for error, action in ((3.0, "decayed"), (1.0, "ok")):
    scores = truth.to_numpy() + error
    rows = JudgedRows.of(name, times=times, truth=truth, scores=scores, threshold=0.5)
    loss = loss_against_promise(
        rows,
        Promise(2.0, is_skill=False),
        blocks=divide_window(times, window="month"),
        seed=1,
        against="its holdout had",
        tools=gate_tools(),
    )
    realised = RealisedPerformance(900, 900, error, None, loss)
    assert judge_performance(realised, watched).action == action
"""


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_computed_on_rows_of_its_task(name: str) -> None:
    """Better predictions have the better value, in the table's direction."""
    actual, good, bad = ROWS[METRICS[name].task]
    values = [measure([name], actual=actual, scores=scores)[name] for scores in (good, bad)]
    better, worse = (value for value in values if value is not None)
    assert (better > worse) is METRICS[name].greater_is_better
    assert name in metrics_of(METRICS[name].task)


@pytest.mark.parametrize("name", METRICS)
def test_gates_and_monitoring_compare_every_metric_in_the_same_direction(name: str) -> None:
    """A better value passes the gate and is no decay; a worse value is refused and is decay."""
    sign = 1 if METRICS[name].greater_is_better else -1
    bar = Threshold(compare="point", min_absolute_change=0.05)
    gates = Gates(metrics={name: bar}, sanity=NOT_JUDGED)
    watched = Monitoring.model_validate(
        {"performance": {"metric": name, "max_absolute_drop": 0.05}}
    )
    known = {"rows": 900, "champion.version": 1, f"champion.{name}": 0.5}
    for change, action in ((0.1, "promote"), (-0.1, "refuse")):
        value = 0.5 + sign * change
        assert gate(gates, known | {f"challenger.{name}": value}).action == action
    actual, good, bad = ROWS[METRICS[name].task]
    promised = measure([name], actual=actual, scores=good)[name]
    assert promised is not None
    for scores, state in ((good, "ok"), (bad, "decayed")):
        value, loss = _month(name, actual, scores, promised=promised)
        realised = RealisedPerformance(900, 900, value, None, loss)
        assert judge_performance(realised, watched).action == state


def _month(
    name: str, actual: pd.Series[Any], scores: list[Any], *, promised: float
) -> tuple[float | None, Loss | None]:
    """The metric of a month of such rows, and its loss against what was promised."""
    times = pd.Series(pd.date_range("2013-01-01", periods=300, freq="2h", tz="UTC"))
    truth = pd.Series(np.resize(actual.to_numpy(), 300))
    predicted = np.tile(np.asarray(scores), (300 // len(scores), *[1] * (np.ndim(scores) - 1)))
    rows = JudgedRows.of(name, times=times, truth=truth, scores=predicted, threshold=0.5)
    loss = loss_against_promise(
        rows,
        Promise(promised, is_skill=False),
        blocks=divide_window(times, window="month"),
        seed=1,
        against="its holdout had",
        tools=gate_tools(),
    )
    return measure([name], actual=truth, scores=rows.scores)[name], loss


@pytest.mark.parametrize("name", [one.name for one in METRICS.values() if one.has_floor])
def test_the_first_model_has_to_beat_a_constant_in_every_metric(name: str) -> None:
    """Without a champion the constant model's value is the bar, in the metric's direction.

    Of a calibration error it is none: a constant's is nearly 0.
    """
    sign = 1 if METRICS[name].greater_is_better else -1
    gates = Gates(metrics={name: Threshold(min_absolute_change=0.0)}, sanity=NOT_JUDGED)
    known = {"rows": 900, "champion.version": None, f"constant.{name}": 0.5}
    for change, action in ((0.1, "promote"), (-0.1, "refuse")):
        numbers = known | {f"challenger.{name}": 0.5 + sign * change}
        assert gate(gates, numbers).action == action


def test_adding_a_metric_is_one_row(tmp_path: Path) -> None:
    """With one more row, a copy of the package accepts, computes, gates and monitors the metric."""
    run_with_row(tmp_path, table="spec/metrics.py", row=NEW_ROW, script=USE_IT)
