"""Behaviour: tests of single answers that a spec declares, asked of real models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates
from slipway.stages.train.gates import gate
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

LINE = {"name": "sklearn.linear_model.LogisticRegression", "params": {}}
TREE = {
    "name": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 5, "min_samples_leaf": 8},
}

SAME_PORT = {"invariance": [{"column": "port", "max_change": 0.15}]}
STRONGER_WIND = {
    "direction": [{"column": "wind", "by": 3, "score": "not_lower", "max_share": 0.01}]
}
A_STORM = {"minimum": {"storm": {"row": {"wind": 60.0, "port": "Oban"}, "above": 0.9}}}


def _judge(
    folder: Path, estimator: dict[str, Any], behaviour: dict[str, Any], *, ports: float = 0.0
) -> tuple[Verdict, list[dict[str, Any]]]:
    """Verdict on a first model, and the table of its tests; ports add to the odds."""
    env = TrainingEnv.in_memory(folder)
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.5, "compare": "point"}},
        "behaviour": behaviour,
    }
    env.spec = spec(gates=gates, estimator=estimator)
    rows = ferry_dataset.crossings(days=60)
    random = np.random.default_rng(8)
    odds = rows["wind"] / 4 - 3 + np.where(rows["port"] == "Oban", ports, 0.0)
    rows["late"] = (random.random(len(rows)) < 1 / (1 + np.exp(-odds))).astype("int64")
    ferry_dataset.publish(env.tables, rows, labels=rows)
    request = env.ask()
    verdict = env.until_gate(request).verdict
    [run] = env.tracking.runs.values()
    return verdict, json.loads(run.files["behaviour.json"])


@pytest.mark.parametrize(
    ("behaviour", "good", "bad", "told"),
    [
        (SAME_PORT, (LINE, 0.0), (LINE, 3.0), "port changes the score by no more than 0.15"),
        (STRONGER_WIND, (LINE, 0.0), (TREE, 0.0), "wind raised by 3 makes the score no lower"),
        (A_STORM, (LINE, 0.0), (TREE, -9.0), "the row storm has a score above 0.9, found "),
    ],
)
def test_a_model_that_behaves_passes_and_one_that_does_not_is_refused(
    tmp_path: Path, behaviour: dict[str, Any], good: Any, bad: Any, told: str
) -> None:
    """A line is monotonic and sure of a storm; a tree is not, and ports may matter."""
    passed, _ = _judge(tmp_path / "good", good[0], behaviour, ports=good[1])
    assert passed.action == "promote", passed.reason
    assert "all 1 tests of behaviour hold" in passed.reason
    refused, table = _judge(tmp_path / "bad", bad[0], behaviour, ports=bad[1])
    assert refused.action == "refuse", refused.reason
    assert f"behaviour: that {told}" in refused.reason
    assert table[0]["share"] > table[0]["allowed"]
    assert refused.numbers["behaviour.worst.share"] == table[0]["share"]


def test_an_invariance_takes_the_values_that_it_names(tmp_path: Path) -> None:
    """Each row takes each of them; a share of rows may change."""
    values = {"column": "port", "with_values": ["Oban", "Mallaig"], "max_change": 0.05}
    verdict, table = _judge(tmp_path, LINE, {"invariance": [values]}, ports=3.0)
    assert verdict.action == "refuse"
    assert table[0]["share"] > 0.9
    few = {"invariance": [values | {"max_change": 0.5, "max_share": 0.6}]}
    allowed, some = _judge(tmp_path / "some", LINE, few, ports=3.0)
    assert 0 < some[0]["share"] < 0.6
    assert allowed.action == "promote", allowed.reason


def test_a_test_that_cannot_be_asked_decides_nothing(tmp_path: Path) -> None:
    """All values of the column are missing."""
    env = TrainingEnv.in_memory(tmp_path)
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.3, "compare": "point"}},
        "behaviour": STRONGER_WIND,
    }
    env.spec = spec(gates=gates)
    rows = ferry_dataset.crossings(days=60)
    newest = rows["departs"] > rows["departs"].max() - pd.Timedelta(days=10, hours=1)
    rows.loc[newest, "wind"] = np.nan
    odds = np.where(rows["port"] == "Oban", 0.8, 0.3)
    rows["late"] = (np.random.default_rng(1).random(len(rows)) < odds).astype("int64")
    ferry_dataset.publish(env.tables, rows, labels=rows)
    verdict = env.until_gate(env.ask()).verdict
    assert verdict.action == "inconclusive", verdict.reason
    assert "it is not known whether wind raised by 3 makes the score no lower" in verdict.reason


def test_other_tests_than_the_spec_has_decide_nothing() -> None:
    """As of a version that was imported, or judged by an older spec."""
    gates = Gates.model_validate(
        {"metrics": {"roc_auc": {}}, "sanity": False, "behaviour": STRONGER_WIND}
    )
    numbers: dict[str, Number] = {"rows": 900, "champion.version": None}
    numbers |= {"challenger.roc_auc": 0.7, "constant.roc_auc": 0.5}
    asked: dict[str, Number] = {"behaviour.tests": 1, "behaviour.failed": 0}
    assert gate(gates, numbers).action == "inconclusive"
    assert gate(gates, numbers | asked).action == "inconclusive"
    assert gate(gates, numbers | asked | {"behaviour.not_computed": 0}).action == "promote"
