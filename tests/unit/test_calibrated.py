"""Calibration: probabilities corrected on rows of their own, saved, served and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.calibrated import below_calibration, calibrate
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import Package
from slipway.errors import NotComputable
from slipway.spec import ModelSpec
from slipway.stages.train.calibration_rows import kept_for_calibration
from slipway.stages.train.splitting import split_by_time
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

FOREST = {
    "name": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 30, "min_samples_leaf": 1},
}
ESTIMATORS = [
    {"name": "sklearn.linear_model.LogisticRegression"},
    {"name": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 20}},
    {"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20, "max_depth": 3}},
    FOREST,
]


def _asking(
    method: str | None, estimator: dict[str, Any] | None = None, **training: Any
) -> ModelSpec:
    rows: dict[str, Any] = {"holdout_days": 25, "min_rows": 500}
    if method is not None:
        rows["calibration"] = {"method": method}
    gates = {
        "min_holdout_rows": 100,
        "metrics": {
            "expected_calibration_error": {"threshold": 0.1, "compare": "point"},
            "roc_auc": {"threshold": 0.55, "compare": "point"},
        },
    }
    return spec(training=rows | training, gates=gates, estimator=estimator or FOREST)


def _learned(method: str, estimator: dict[str, Any]) -> Package:
    asked = _asking(method, estimator)
    rows = ferry_dataset.crossings(days=60)
    learner = SklearnLearner(asked, ferry_dataset.dataset(), None)
    return learner.learn(rows.head(1_500), classes=(0, 1), calibrate_on=rows.iloc[1_500:]).package


@pytest.mark.parametrize(("method", "action"), [(None, "refuse"), ("sigmoid", "promote")])
def test_an_overconfident_model_is_refused_and_passes_once_it_is_calibrated(
    method: str | None, action: str, tmp_path: Path
) -> None:
    """A forest of single rows scores 0 and 1; the holdout is seen by neither fit."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=90))
    env.spec = _asking(method)
    request = env.ask()
    verdict = env.until_gate(request).verdict
    assert verdict.action == action, verdict.reason
    assert "expected_calibration_error" in verdict.reason
    trained = env.train(request).verdict
    assert (", corrected by 560 further ones, up to" in trained.reason) is (method is not None)
    if method is None:
        assert "calibration_rows" not in trained.numbers
        return
    assert trained.numbers["calibration_rows"] == 14 * ferry_dataset.ROWS_PER_DAY
    folder = env.tracking.download(
        trained.evidence["model_uri"],
        tmp_path / "again",
        sha256=trained.evidence["manifest_sha256"],
    )
    package = load_package(folder)
    assert isinstance(package.pipeline[-1], CalibratedClassifierCV)
    assert "sklearn.calibration._CalibratedClassifier" in package.manifest["trusted_types"]
    assert package.manifest["calibration_rows"] == trained.numbers["calibration_rows"]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: one["name"])
def test_the_estimator_below_is_left_as_it_was(method: str, estimator: dict[str, Any]) -> None:
    """The rows are only scored by it: it is the one that the other rows alone give."""
    rows = ferry_dataset.crossings(days=60)
    alone = SklearnLearner(_asking(None, estimator), ferry_dataset.dataset(), None).learn(
        rows.head(1_500), classes=(0, 1)
    )
    package = _learned(method, estimator)
    prepared = package.pipeline[:-1].transform(rows[["wind", "port"]])
    below = below_calibration(package.pipeline[-1])
    own = alone.package.pipeline[-1].predict_proba(prepared)
    assert np.array_equal(below.predict_proba(prepared), own)
    assert package.predict(rows).shape == (len(rows),)
    assert not np.array_equal(package.predict(rows), own[:, 1])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: one["name"])
def test_a_calibrated_version_answers_by_its_onnx_form_or_says_why_not(
    method: str, estimator: dict[str, Any], tmp_path: Path
) -> None:
    """All have the form; steps of isotonic ones may be too steep for single precision."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=90))
    env.spec = _asking(method, estimator)
    request = env.ask()
    env.snapshot(request)
    numbers = env.train(request).verdict.numbers
    if method == "isotonic" and estimator["name"].startswith("xgboost"):
        assert "conversion failed" not in str(numbers["engine_reason"])
        return
    assert numbers["engine"] == "onnx", numbers["engine_reason"]


def test_several_classes_are_calibrated_and_say_that_the_pipeline_answers() -> None:
    """One against the others, in the order of the estimator's classes."""
    rows = ferry_dataset.crossings(days=60)
    codes = np.digitize(rows["wind"], [8.0, 14.0])
    value = _asking("sigmoid", ESTIMATORS[0]).model_dump()
    value |= {"task": "multiclass", "classes": [0, 1, 2]}
    value["gates"]["metrics"] = {"accuracy": {"threshold": 0.5}}
    value["monitoring"]["performance"]["metric"] = "accuracy"
    learner = SklearnLearner(ModelSpec.model_validate(value), ferry_dataset.dataset(), None)
    learned = learner.learn(
        rows.assign(late=codes).head(1_500),
        classes=(0, 1, 2),
        calibrate_on=rows.assign(late=codes).iloc[1_500:],
    )
    scores = learned.predict(rows)
    assert scores.shape == (len(rows), 3)
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    assert (scores.argmax(axis=1) == codes).mean() > 0.8


def test_rows_of_calibration_are_the_newest_of_the_training_or_all_rows_of_some_keys() -> None:
    """None is of the holdout, and a key is on one side."""
    rows = ferry_dataset.crossings(days=60)
    asked = _asking("sigmoid").training
    parts = split_by_time(rows, event_time="departs", training=asked)
    kept = kept_for_calibration(parts, asked, keys=None)
    assert kept is not None
    times = parts.training["departs"]
    assert times[kept].min() > times[~kept].max()
    assert times[kept].max() < parts.holdout["departs"].min()
    drawn = _asking("sigmoid", split="random").training
    keys = pd.Series(np.arange(len(parts.training)) // 3, index=parts.training.index)
    by_key = kept_for_calibration(parts, drawn, keys=keys)
    assert by_key is not None
    assert set(keys[by_key]).isdisjoint(keys[~by_key])
    assert by_key.mean() == pytest.approx(0.15, abs=0.05)
    assert kept_for_calibration(parts, _asking(None).training, keys=None) is None


def test_too_few_rows_are_named() -> None:
    """In all, or of a class."""
    rows = ferry_dataset.crossings(days=60)
    asked = _asking("sigmoid")
    parts = split_by_time(rows, event_time="departs", training=asked.training)
    calibration = asked.training.calibration
    assert calibration is not None
    short = asked.training.model_copy(
        update={"calibration": calibration.model_copy(update={"days": 2})}
    )
    with pytest.raises(NotComputable, match="rows for the calibration"):
        kept_for_calibration(parts, short, keys=None)
    long = asked.training.model_copy(
        update={"calibration": calibration.model_copy(update={"days": 30})}
    )
    with pytest.raises(NotComputable, match="beside the calibration"):
        kept_for_calibration(parts, long, keys=None)
    package = _learned("sigmoid", ESTIMATORS[0])
    package.pipeline.steps[-1] = ("estimator", below_calibration(package.pipeline[-1]))
    with pytest.raises(NotComputable, match="a class has too few rows"):
        calibrate(package.pipeline, rows[["wind", "port"]], np.zeros(len(rows)), spec=asked)
