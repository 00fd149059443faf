"""Drift of labels: named in the verdict on performance, and deciding nothing there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.monitor.performance.label_drift import (
    LabelDrift,
    measure_label_drift,
    with_label_drift,
)
from slipway.stages.monitor.windows.windows import parse_window
from tests.support import ferry_dataset

WEEK = parse_window("2013-W20", "week")


def model(task: str = "classification") -> ModelSpec:
    """The ferries' model of another task, with weekly windows."""
    spec = ferry_dataset.model(monitoring={"window": "week"})
    return spec.model_copy(update={"task": task})


def labels_of(task: str, rows: int, *, seed: int, shift: float = 0.0) -> pd.Series[Any]:
    """Labels with a share of class 1, or a mean."""
    random = np.random.default_rng(seed)
    if task == "regression":
        return pd.Series(random.normal(20 + 100 * shift, 10, rows))
    if task == "multiclass":
        return pd.Series(random.choice(3, rows, p=[0.5 - shift, 0.3, 0.2 + shift]))
    return pd.Series((random.random(rows) < 0.2 + shift).astype("int64"))


def drift(task: str, *, shift: float, days: int = 120) -> LabelDrift:
    """Drift of 700 labels of a week from those of a holdout."""
    count = 100 * days
    times = pd.Series(pd.date_range("2013-01-01", periods=count, freq="864s", tz="UTC"))
    held_out = HeldOutRows(times, labels_of(task, count, seed=1), np.zeros(count))
    window = labels_of(task, 700, seed=2, shift=shift)
    return measure_label_drift(window, held_out, window=WEEK, spec=model(task))


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("classification", "class 1 is 3"),
        ("multiclass", "the shares of the classes differ"),
        ("regression", "their mean is 3"),
    ],
)
def test_changed_outcomes_are_named(task: str, told: str) -> None:
    """With the distance, its limit, and what changed."""
    found = drift(task, shift=0.15)
    assert found.action == "drifting"
    assert told in found.reason
    assert float(str(found.numbers["label_distance"])) > float(
        str(found.numbers["label_distance_limit"])
    )
    assert drift(task, shift=0.0).action == "ok"


def test_a_short_holdout_gives_no_limit() -> None:
    """The distance is kept."""
    found = drift("classification", shift=0.15, days=10)
    assert (found.action, found.reason) == ("observed", "")
    assert list(found.numbers) == ["label_distance"]


def test_the_verdict_on_performance_stays_the_same() -> None:
    """A model may be as right on other outcomes."""
    verdict = Verdict("ok", "It holds.", {"rows": 700})
    told = with_label_drift(verdict, drift("classification", shift=0.15))
    assert told.action == "ok"
    assert told.reason.startswith("It holds. Label drift: the labels are ")
    assert told.numbers["label_drift"] == "drifting"
    quiet = with_label_drift(verdict, drift("classification", shift=0.0))
    assert (quiet.reason, quiet.numbers["label_drift"]) == ("It holds.", "ok")
