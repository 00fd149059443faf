"""A model of several classes: trained, gated, pinned to its classes, compared by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import measure
from slipway.adapters.model_package import load_package
from slipway.errors import NotComputable
from slipway.records.verdicts import Verdict
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.metrics import METRICS, metrics_of
from slipway.stages.gates.gate_numbers import UNSEEN_ROWS
from slipway.stages.model.agreement import measure_agreement
from slipway.stages.model.class_scores import align_scores, with_unseen
from slipway.stages.model.label_classes import UNSEEN, to_target
from slipway.stages.train.confusion import CONFUSION, FILE
from tests.support import sea_states
from tests.support.training_env import TrainingEnv

CLASSIFIERS = [name for name, row in ESTIMATORS.items() if row.fits("multiclass")]
CLASSES = list(sea_states.STATES)


def trained(env: TrainingEnv) -> tuple[Verdict, Any]:
    """The verdict of the gate, and the trained package."""
    before = set(env.tracking.root.glob("m-*"))
    verdict = env.until_gate(env.ask(f"after {len(before)}")).verdict
    [folder] = set(env.tracking.root.glob("m-*")) - before
    return verdict, load_package(folder)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_every_classifier_learns_several_classes(tmp_path: Path, estimator: str) -> None:
    """Each beats the constant, is answered by ONNX, and scores every row by its pinned classes."""
    params = {"n_estimators": 20} if "XGB" in estimator or "Forest" in estimator else {}
    env = sea_states.env(tmp_path, estimator={"name": estimator, "params": params})
    verdict, package = trained(env)
    assert verdict.action == "promote", verdict.reason
    manifest = package.manifest
    assert manifest["classes"] == CLASSES
    assert manifest["engine"]["name"] == "onnx", manifest["engine"]["reason"]
    assert manifest["engine"]["parity"]["flips"] == 0
    assert np.isclose(sum(manifest["constant"]), 1.0)
    scores = package.predict(sea_states.crossings(days=3))
    assert scores.shape == (3 * 40, 3)
    assert np.allclose(scores.sum(axis=1), 1.0)


def test_the_evaluation_has_every_metric_and_the_confusion_matrix(tmp_path: Path) -> None:
    """Challenger and constant by each metric of the task; the matrix is in record and run."""
    env = sea_states.env(tmp_path)
    request = env.ask()
    env.snapshot(request)
    env.train(request)
    numbers = env.evaluate(request).verdict.numbers
    for name in metrics_of("multiclass"):
        challenger, constant = (numbers[f"{who}.{name}"] for who in ("challenger", "constant"))
        assert isinstance(challenger, float)
        assert isinstance(constant, float)
        assert (challenger > constant) is METRICS[name].greater_is_better, name
    assert numbers["rows.classes"] == 3
    assert numbers[UNSEEN_ROWS] == 0
    matrix = json.loads(str(numbers[CONFUSION]))
    assert matrix["predicted"] == CLASSES
    assert sum(map(sum, matrix["actual"].values())) == numbers["rows"]
    [run] = env.tracking.runs.values()
    assert json.loads(run.files[FILE]) == matrix


def test_declared_classes_keep_their_order_and_their_place(tmp_path: Path) -> None:
    """One without a training row has the score 0, in both engines, whatever the window holds."""
    classes = ["rough", "hurricane", "choppy", "calm"]
    env = sea_states.env(tmp_path, classes=classes)
    verdict, package = trained(env)
    assert verdict.action == "promote", verdict.reason
    assert package.manifest["classes"] == classes
    assert package.manifest["engine"]["name"] == "onnx"
    scores = package.predict(sea_states.crossings(days=2))
    assert scores.shape == (80, 4)
    assert (scores[:, 1] == 0).all()


def test_two_of_the_declared_classes_are_enough(tmp_path: Path) -> None:
    """Binary estimators answer two columns, the others are 0."""
    rows = sea_states.crossings()
    rows = rows[rows["late"] != "choppy"].reset_index(drop=True)
    env = sea_states.env(tmp_path, rows, classes=CLASSES)
    _, package = trained(env)
    assert package.manifest["engine"]["name"] == "onnx"
    scores = package.predict(rows.head(50))
    assert np.allclose(scores.sum(axis=1), 1.0)
    assert (scores[:, 1] == 0).all()


def test_integers_are_classes_too(tmp_path: Path) -> None:
    """They need not be consecutive."""
    rows = sea_states.crossings()
    rows["late"] = rows["late"].map({"calm": 1, "choppy": 5, "rough": 9}).astype("Int64")
    env = sea_states.env(tmp_path, rows)
    verdict, package = trained(env)
    assert verdict.action == "promote", verdict.reason
    assert package.manifest["classes"] == [1, 5, 9]


def test_a_class_of_the_holdout_alone_is_counted_and_told(tmp_path: Path) -> None:
    """It counts as a wrong answer in every metric, and crashes none."""
    rows = sea_states.crossings()
    rows.loc[rows.index[-60:], "late"] = "hurricane"
    env = sea_states.env(tmp_path, rows)
    request = env.ask()
    env.snapshot(request)
    env.train(request)
    verdict = env.evaluate(request).verdict
    assert verdict.numbers[UNSEEN_ROWS] == 60
    assert "60 have a class that the challenger was not trained for" in verdict.reason
    for name in metrics_of("multiclass"):
        assert isinstance(verdict.numbers[f"challenger.{name}"], float)
    matrix = json.loads(str(verdict.numbers[CONFUSION]))
    assert sum(matrix["actual"]["(unknown)"]) == 60


def test_challenger_and_champion_of_other_classes_are_compared_by_class(tmp_path: Path) -> None:
    """The champion has the score 0 for a class that it never saw; their agreement is measured."""
    env = sea_states.env(tmp_path)
    env.champion()
    rows = sea_states.crossings(days=120)
    late = np.arange(len(rows)) % 11 == 0
    rows.loc[late & (rows["departs"] > "2013-02-15"), "late"] = "hurricane"
    env.land(rows)
    request = env.ask("second")
    env.snapshot(request)
    env.train(request)
    numbers = env.evaluate(request).verdict.numbers
    assert numbers["champion.version"] == 1
    assert numbers[UNSEEN_ROWS] == 0
    assert isinstance(numbers["champion.log_loss"], float)
    assert numbers["champion.log_loss"] > float(numbers["challenger.log_loss"] or 0)
    assert isinstance(numbers["disagreement"], float)


@pytest.mark.parametrize(
    ("labels", "changes", "message", "found"),
    [
        ([f"c{n}" for n in range(150)], {}, "too many classes", "150 classes"),
        (["calm"], {}, "do not have two classes", "1 class"),
        (["calm", "rough", "odd"], {"classes": ["calm", "rough"]}, "does not declare", "others in"),
    ],
)
def test_labels_that_no_multiclass_model_can_learn_are_refused_without_a_value(
    tmp_path: Path, labels: list[str], changes: dict[str, Any], message: str, found: str
) -> None:
    """Too many, one alone, and some beside the declared ones."""
    rows = sea_states.crossings()
    env = sea_states.env(tmp_path, rows.assign(late=np.resize(labels, len(rows))), **changes)
    with pytest.raises(NotComputable, match=message) as caught:
        env.snapshot(env.ask())
    assert (caught.value.found or "").startswith(found)
    assert "odd" not in str(caught.value)
    assert "c149" not in str(caught.value)


@pytest.mark.parametrize("name", metrics_of("multiclass"))
def test_better_predictions_of_classes_have_the_better_value(name: str) -> None:
    """In the table's direction; a class that no prediction knows makes every metric worse."""
    actual = pd.Series([0, 1, 2, 0, 1, 2])
    good = np.eye(3)[actual] * 0.8 + 0.2 / 3
    bad = np.roll(good, 1, axis=1)
    values = [measure([name], actual=actual, scores=one)[name] for one in (good, bad)]
    better, worse = (value for value in values if value is not None)
    assert (better > worse) is METRICS[name].greater_is_better
    strange = actual.replace({2: UNSEEN})
    actual, scores = with_unseen(strange, good)
    value = measure([name], actual=actual, scores=scores)[name]
    assert value is not None
    assert (better > value) is METRICS[name].greater_is_better


def test_scores_are_aligned_by_class() -> None:
    """A class that a version does not know has the score 0."""
    scores = np.array([[0.9, 0.1]])
    aligned = align_scores(scores, known=["b", "a"], wanted=["a", "b", "c"])
    assert aligned is not None
    assert aligned.tolist() == [[0.1, 0.9, 0.0]]
    assert align_scores(scores, known=["b", "z"], wanted=["a", "b", "c"]) is None


def test_agreement_of_several_classes_ignores_their_mean_shares() -> None:
    """Constant shares have no spread, however different the classes are."""
    constant = [[0.7, 0.2, 0.1]] * 4
    varying = [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]] * 2
    flat = measure_agreement(varying, constant)
    assert flat is not None
    assert (flat.spread, flat.correlation) == (0.0, 0.0)
    same = measure_agreement(varying, varying)
    assert same is not None
    assert (same.disagreement, round(same.correlation, 9)) == (0.0, 1.0)
    assert measure_agreement(varying, [[0.5, 0.5]] * 4) is None


def test_unseen_labels_have_a_code_of_their_own() -> None:
    """The one function that maps labels never raises for a class that came later."""
    labels = pd.Series(["calm", "hurricane"], dtype="str")
    spec = sea_states.model()
    assert to_target(labels, spec, classes=("calm", "rough")).tolist() == [0, UNSEEN]
