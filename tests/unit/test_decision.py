"""Decision: a threshold chosen by costs, and all that goes by predicted classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from slipway.adapters.model_package import load_package
from slipway.spec import ModelSpec
from slipway.spec.calibration import DecisionCosts
from slipway.spec.gate_thresholds import gate_warnings
from slipway.stages.card.decision import decision_sections
from slipway.stages.model.decision import at_half, cheapest_threshold, judged, threshold_of
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

COSTS = DecisionCosts(false_positive=1.0, false_negative=4.0)


def _cost(labels: Any, scores: Any, threshold: float) -> float:
    predicted = scores > threshold
    return float((predicted & (labels == 0)).sum() + 4.0 * (~predicted & (labels == 1)).sum())


def test_no_other_threshold_costs_less() -> None:
    """Against every threshold between the scores; near the formula's where they are true."""
    random = np.random.default_rng(1)
    scores = random.random(4_000).round(3)
    labels = (random.random(4_000) < scores).astype(int)
    found = cheapest_threshold(labels, scores, COSTS)
    every = [_cost(labels, scores, one) for one in np.linspace(-0.0005, 1.0005, 1_002)]
    assert _cost(labels, scores, found) == min(every)
    assert found == pytest.approx(0.2, abs=0.06)


def test_of_thresholds_that_cost_the_same_the_formulas_neighbour_is_taken() -> None:
    """Also where one class alone is worth predicting."""
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert cheapest_threshold(labels, scores, COSTS) == pytest.approx(0.5)
    assert cheapest_threshold(np.array([1, 1]), np.array([0.4, 0.6]), COSTS) == 0.0
    assert cheapest_threshold(np.array([0, 0]), np.array([0.4, 0.6]), COSTS) == 1.0


def test_only_what_takes_classes_is_moved() -> None:
    """Scores of several classes, and of metrics of scores, are as they are."""
    scores = np.array([0.1, 0.3, 0.9])
    assert judged(scores, metric="accuracy", threshold=0.2).tolist() == [0.0, 1.0, 1.0]
    assert judged(scores, metric="roc_auc", threshold=0.2) is scores
    assert at_half(scores, 0.5) is scores
    matrix = np.array([[0.2, 0.8]])
    assert judged(matrix, metric="accuracy", threshold=0.2) is matrix
    assert threshold_of({}) == 0.5


def _asking(**training: Any) -> ModelSpec:
    rows = {"holdout_days": 25, "min_rows": 500, "calibration": {"method": "sigmoid"}}
    gates = {
        "min_holdout_rows": 100,
        "metrics": {
            "balanced_accuracy": {"threshold": 0.5, "compare": "better"},
            "roc_auc": {"threshold": 0.55, "compare": "point"},
        },
        "slices": {"columns": ["port"], "min_rows": 50, "max_loss": 1.0},
    }
    return spec(training=rows | training, gates=gates)


def test_gates_and_confusion_go_by_the_versions_own_threshold(tmp_path: Path) -> None:
    """The champion keeps one half, the challenger has what was chosen for it."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    env.spec = spec(training={"holdout_days": 10, "min_rows": 500})
    champion = env.champion()
    rows = ferry_dataset.crossings(days=100, seed=2)
    ferry_dataset.publish(env.tables, rows, labels=rows)
    env.spec = _asking(decision={"false_positive": 1.0, "false_negative": 4.0})
    request = env.ask("second")
    env.snapshot(request)
    trained = env.train(request).verdict
    numbers = env.evaluate(request).verdict.numbers
    threshold = trained.numbers["decision_threshold"]
    assert isinstance(threshold, float)
    assert threshold < 0.4
    assert f"Class 1 is predicted above the score {threshold:.4g}." in trained.reason
    folder = env.tracking.download(
        trained.evidence["model_uri"], tmp_path / "c", sha256=trained.evidence["manifest_sha256"]
    )
    packages = {
        "challenger": load_package(folder),
        "champion": load_package(env.registry.download(env.spec.model, champion, tmp_path / "d")),
    }
    assert packages["challenger"].manifest["decision_threshold"] == threshold
    start = pd.Timestamp(str(trained.numbers["holdout_start"]))
    held_out = rows[(rows["departs"] >= start)]
    assert len(held_out) == numbers["rows"]
    values = {}
    for who, package in packages.items():
        predicted = package.predict(held_out) > threshold_of(package.manifest)
        values[who] = balanced_accuracy_score(held_out["late"], predicted)
        assert numbers[f"{who}.balanced_accuracy"] == pytest.approx(values[who])
        assert numbers[f"{who}.accuracy"] == pytest.approx(
            accuracy_score(held_out["late"], predicted)
        )
    gain = values["challenger"] - values["champion"]
    assert numbers["gain.balanced_accuracy.value"] == pytest.approx(gain)
    confusion = json.loads(str(numbers["confusion"]))
    predicted = packages["challenger"].predict(held_out) > threshold
    assert sum(row[1] for row in confusion["actual"].values()) == predicted.sum()
    [section] = decision_sections(trained.numbers, numbers, env.spec.training.decision)
    assert section.lines[0].startswith(f"Class 1 is predicted above the score {threshold:.4g}")
    assert section.table is not None
    positive = int(held_out["late"].sum())
    wrong = int((predicted & (held_out["late"] == 0)).sum())
    missed = int((~predicted & (held_out["late"] == 1)).sum())
    assert section.table.rows[0][1:3] == (f"{wrong:,}", f"{missed:,}")
    assert section.table.rows[1][1:3] == (f"{len(held_out) - positive:,}", "0")
    assert section.table.rows[2][1:3] == ("0", f"{positive:,}")


def test_a_decision_needs_rows_of_its_own_and_two_classes() -> None:
    """Said with the field."""
    costs = {"false_positive": 1.0, "false_negative": 4.0}
    with pytest.raises(ValidationError, match="rows that the estimator does not see"):
        _asking(calibration=None, decision=costs)
    assert _asking(decision=costs).training.decision is not None


def test_a_check_names_what_goes_by_the_decision() -> None:
    """With the score that would be right if scores were true; nothing without a decision."""
    costs = {"false_positive": 1.0, "false_negative": 4.0}
    [told] = [one for one in gate_warnings(_asking(decision=costs)) if "decision" in one]
    assert told == (
        "training.decision: class 1 is predicted not above one half, but above the score that "
        "costs least (0.2 where scores are true probabilities), also for `balanced_accuracy`"
    )
    assert not [one for one in gate_warnings(_asking()) if "decision" in one]
    assert not list(decision_sections({}, {}, None))
