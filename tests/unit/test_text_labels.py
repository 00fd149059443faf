"""Texts, truth values and other integers as the labels of a binary classification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.errors import NotComputable
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.stages.import_version.schema_compat import schema_differences
from slipway.stages.model.class_scores import align_scores
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN, TrainingEnv, spec

DAYS = 60
SPELLINGS: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "texts": ("string", {"positive": "UP"}, "DOWN", "UP"),
    "other numbers": ("integer", {"positive": 2}, 1, 2),
    "truths": ("boolean", {}, False, True),
    "false is class 1": ("boolean", {"positive": False}, True, False),
}


def landed(folder: Path, kind: str, labels: Any, **changes: Any) -> TrainingEnv:
    """An environment whose crossings have these labels, of a declared type."""
    env = TrainingEnv.in_memory(folder)
    env.spec = spec(**changes)
    env.dataset = ferry_dataset.dataset(label=kind)
    env.land(ferry_dataset.crossings(days=DAYS).assign(late=labels))
    return env


def delivered(kind: str, *classes: Any) -> Any:
    """Lateness in the classes of a spelling, as tables hold it."""
    late = ferry_dataset.crossings(days=DAYS)["late"]
    dtype = {"string": "str", "integer": "Int64", "boolean": "boolean"}[kind]
    return late.map(dict(enumerate(classes))).astype(dtype)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_model_learns_class_1_whatever_its_spelling(tmp_path: Path, name: str) -> None:
    """The same scores as with 0 and 1, gated and pinned with both; the table keeps the texts."""
    kind, changes, negative, positive = SPELLINGS[name]
    env = landed(tmp_path / "own", kind, delivered(kind, negative, positive), **changes)
    plain = landed(tmp_path / "plain", "integer", delivered("integer", 0, 1))
    numbers, packages = [], []
    for one in (env, plain):
        request = one.ask()
        verdict = one.until_gate(request).verdict
        assert verdict.action == "promote", verdict.reason
        numbers.append(verdict.numbers)
        packages.append(load_package(next(one.tracking.root.glob("m-*"))))
    assert numbers[0] == numbers[1]
    rows = ferry_dataset.crossings(days=3)
    assert np.array_equal(*(package.predict(rows) for package in packages))
    assert packages[0].manifest["classes"] == [negative, positive]
    stored = env.tables.read("ferries/labels")["late"].tolist()
    assert set(stored) == {negative, positive}


def test_a_third_text_is_refused_without_its_value(tmp_path: Path) -> None:
    """The count and the declared class are named; texts that no spec declares are not."""
    labels = np.resize(["UP", "DOWN", "Mrs Smith"], DAYS * ferry_dataset.ROWS_PER_DAY)
    env = landed(tmp_path, "string", labels, positive="UP")
    with pytest.raises(NotComputable, match="do not fit `task: classification`") as caught:
        env.snapshot(env.ask())
    assert caught.value.found == "3 classes: among them UP (800 rows)"
    assert caught.value.expected == "two classes, UP and one other"
    assert caught.value.where == "column late"


def test_one_text_alone_is_refused_with_the_hint_to_wait(tmp_path: Path) -> None:
    """A class that is not declared is not named, either."""
    env = landed(tmp_path, "string", "DOWN", positive="UP")
    with pytest.raises(NotComputable, match="do not have both classes") as caught:
        env.snapshot(env.ask())
    assert caught.value.found == "1 class"
    assert "wait for labels" in (caught.value.hint or "")


def realised(labels: pd.DataFrame, *, classes: list[str]) -> Verdict:
    """The performance of January, with labels as texts."""
    rows = ferry_dataset.crossings(days=31)
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=labels)
    return measure_performance(
        spec(positive="UP"),
        ferry_dataset.dataset(label="string"),
        window="2013-01-v1",
        context=RunContext(MemoryStore(), ORIGIN),
        registry=MonitoringRegistry(
            "ferry_delay", tags={1: {"slipway.metric.roc_auc": "0.65"}}, classes=classes
        ),
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=performance_tools(),
    ).verdict


def test_performance_maps_texts_as_the_training_did() -> None:
    """The pinned classes count: a window with a class that the training had not is inconclusive."""
    rows = ferry_dataset.crossings(days=31)
    texts = rows["late"].map({0: "DOWN", 1: "UP"})
    assert realised(rows.assign(late=texts), classes=["DOWN", "UP"]).action == "ok"
    other = rows.assign(late=texts.replace("DOWN", "SIDEWAYS"))
    verdict = realised(other, classes=["DOWN", "UP"])
    assert verdict.action == "inconclusive"
    assert "SIDEWAYS" not in verdict.reason
    assert "2 classes: among them UP" in verdict.reason


def test_a_version_with_the_other_class_as_class_1_is_compared_by_class() -> None:
    """Its scores are turned round; one of other classes cannot be compared."""
    scores = np.array([0.25, 1.0])
    turned = align_scores(scores, known=["UP", "DOWN"], wanted=["DOWN", "UP"])
    assert turned is not None
    assert turned.tolist() == [0.75, 0.0]
    assert align_scores(scores, known=["a", "b"], wanted=["DOWN", "UP"]) is None
    assert align_scores(scores, known=None, wanted=[0, 1]) is scores


def test_a_version_of_another_class_1_is_not_brought(tmp_path: Path) -> None:
    """A server here would answer the probability of the other class."""
    env = landed(tmp_path, "string", delivered("string", "DOWN", "UP"), positive="UP")
    request = env.ask()
    env.snapshot(request)
    env.train(request)
    manifest = json.loads((next(env.tracking.root.glob("m-*")) / MANIFEST).read_text())
    assert schema_differences(env.spec, env.dataset, manifest) == []
    differences = schema_differences(spec(positive="DOWN"), env.dataset, manifest)
    assert differences == ["positive: expected DOWN, found UP"]


def test_labels_are_mapped_by_the_pinned_classes() -> None:
    """The first class of a pair is 0, in any window."""
    labels = pd.Series(["DOWN", "DOWN"], dtype="str")
    assert to_target(labels, spec(positive="UP"), classes=("DOWN", "UP")).tolist() == [0, 0]
    with pytest.raises(NotComputable):
        to_target(labels, spec(positive="UP"), classes=("FLAT", "UP"))
