"""Labels that a classification cannot learn from: refused before a fit, with the classes found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.errors import NotComputable
from slipway.records.run_context import RunContext
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.gates import Gates
from slipway.stages.gates.gate_numbers import POSITIVE_ROWS
from slipway.stages.model.label_classes import SHOWN, classes_of, to_target
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN, TrainingEnv, spec

DAYS = 60
CLASSIFIERS = [name for name, row in ESTIMATORS.items() if row.task == "classification"]


def landed(folder: Path, labels: Any, **changes: Any) -> TrainingEnv:
    """An environment whose crossings have these labels, in time order."""
    env = TrainingEnv.in_memory(folder)
    env.spec = spec(**changes)
    env.land(ferry_dataset.crossings(days=DAYS).assign(late=labels))
    return env


def thirds(*classes: int) -> np.ndarray[Any, Any]:
    """Labels that take turns among classes."""
    return np.resize(np.array(classes), DAYS * ferry_dataset.ROWS_PER_DAY)


@pytest.mark.parametrize(
    ("labels", "found", "hint"),
    [
        (thirds(1, 2), "2 classes: 1 (1,200 rows), 2 (1,200 rows)", "`positive:`"),
        (thirds(0, 1, 2), "3 classes: 0 (800 rows), 1 (800 rows), 2 (800 rows)", "multiclass"),
        (thirds(*range(12)), "12 classes: the commonest are 0 (200 rows), ", "multiclass"),
        (thirds(0), "1 class: 0 (2,400 rows)", "wait for labels of other classes"),
        (thirds(1), "1 class: 1 (2,400 rows)", "wait for labels of other classes"),
        (thirds(2), "1 class: 2 (2,400 rows)", "`positive:`"),
    ],
)
def test_a_snapshot_names_the_classes_of_unfitting_labels(
    tmp_path: Path, labels: np.ndarray[Any, Any], found: str, hint: str
) -> None:
    """Before any fit: the classes with their rows, what is expected, and what to change."""
    env = landed(tmp_path, labels)
    with pytest.raises(NotComputable, match="labels") as caught:
        env.snapshot(env.ask())
    assert (caught.value.found or "").startswith(found)
    assert "0 and 1, or false and true" in (caught.value.expected or "")
    assert caught.value.where == "column late"
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_one_class_in_the_training_rows_is_refused_for_every_estimator(
    tmp_path: Path, estimator: str
) -> None:
    """Not one estimator is asked, so none of their errors is shown."""
    labels = np.where(np.arange(len(thirds(0))) < 50 * ferry_dataset.ROWS_PER_DAY, 0, thirds(0, 1))
    env = landed(tmp_path, labels, estimator={"name": estimator})
    request = env.ask()
    env.snapshot(request)
    with pytest.raises(NotComputable, match="labels of the training rows") as caught:
        env.train(request)
    assert (caught.value.found or "").startswith("1 class: 0 (")


def test_one_class_in_the_holdout_is_refused_where_a_gate_needs_both(tmp_path: Path) -> None:
    """An area under a curve needs both; a Brier score does not."""
    labels = np.where(np.arange(len(thirds(0))) < 49 * ferry_dataset.ROWS_PER_DAY, thirds(0, 1), 1)
    env = landed(tmp_path, labels)
    request = env.ask()
    env.snapshot(request)
    with pytest.raises(NotComputable, match="labels of the holdout rows") as caught:
        env.train(request)
    assert (caught.value.found or "").startswith("1 class: 1 (")
    assert "instead of roc_auc" in (caught.value.hint or "")
    env.spec = spec(gates={"metrics": {"brier_score": {}}})
    assert env.train(request).verdict.action == "trained"


def test_a_gate_says_that_its_rows_have_one_class() -> None:
    """Rows that neither version saw can be fewer than the holdout."""
    gates = Gates.model_validate({"metrics": {"roc_auc": {}}, "min_holdout_rows": 100})
    numbers = {
        "rows": 300,
        POSITIVE_ROWS: 0,
        "champion.version": None,
        "challenger.roc_auc": None,
        "constant.roc_auc": None,
    }
    verdict = gate(gates, numbers)
    assert verdict.action == "refuse"
    assert (
        "roc_auc of the challenger cannot be computed: the labels of all 300 rows are 0"
        in verdict.reason
    )
    assert verdict.numbers[POSITIVE_ROWS] == 0


def test_a_window_whose_labels_have_a_third_class_is_not_compared() -> None:
    """A class that is delivered long after the training is named, and raises nothing."""
    rows = ferry_dataset.crossings(days=31)
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=rows.assign(late=np.resize([0, 1, 2], len(rows))))
    verdict = measure_performance(
        ferry_dataset.model(),
        ferry_dataset.dataset(),
        window="2013-01-v1",
        context=RunContext(MemoryStore(), ORIGIN),
        registry=MonitoringRegistry("ferry_delay", tags={1: {}}),
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=replace(
            performance_tools(),
            gates=replace(
                gate_tools(), measure=lambda *_, **__: pytest.fail("nothing can be measured")
            ),
        ),
    ).verdict
    assert verdict.action == "inconclusive"
    assert "column late: 3 classes: 0 (414 rows)" in verdict.reason


def test_classes_are_spelled_as_their_type_spells_them() -> None:
    """False and true, whole numbers without a point, and no more than a few."""
    truths = pd.Series([True, False, None, True], dtype="boolean")
    assert str(classes_of(truths)) == "2 classes: true (2 rows), false (1 rows)"
    assert str(classes_of(pd.Series([3.0, 3.0]))) == "1 class: 3 (2 rows)"
    many = str(classes_of(pd.Series(range(40))))
    assert many.count("rows)") == SHOWN


def test_truths_and_integers_are_the_same_target() -> None:
    """A boolean column is learnt as 0 and 1."""
    for labels in (pd.Series([True, False], dtype="boolean"), pd.Series([1, 0], dtype="Int64")):
        assert to_target(labels, spec()).tolist() == [1, 0]
