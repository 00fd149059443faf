"""A pipeline as ONNX: the same scores for all estimators, or scikit-learn with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from slipway.adapters.model_package.engine import engine_of
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.spec.estimators import ESTIMATORS
from tests.support import packages
from tests.support.onnx_models import difference, form_of, learned

# XGBoost's sigmoid uses floats, and a matrix product sums in another order.
ROUNDED = {
    "xgboost.XGBClassifier": 1.2e-7,
    "sklearn.linear_model.LogisticRegression": 1e-15,
    "sklearn.linear_model.Ridge": 1e-13,
    "sklearn.ensemble.HistGradientBoostingClassifier": 1e-15,
}
CONVERTED = [name for name, row in ESTIMATORS.items() if row.onnx is not None]
SCALED_TREES = """
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from {module} import {name}


def estimator(params):
    return Pipeline([("scale", StandardScaler()), ("trees", {name}(n_estimators=20))])
"""


@pytest.mark.parametrize("estimator", CONVERTED)
def test_every_estimator_has_a_form_that_agrees(estimator: str) -> None:
    """With gaps, known, unseen and missing categories; most estimators agree to the last bit."""
    model = learned(estimator)
    rows = packages.rows()
    strange = rows.assign(wind=np.nan, port="Ullapool", berth=None)
    for some in (rows, strange, rows.head(1)):
        assert difference(model, some) <= ROUNDED.get(estimator, 0.0)


@pytest.mark.parametrize("estimator", CONVERTED)
def test_the_parity_gate_accepts_every_estimator(estimator: str) -> None:
    """ONNX is the engine of each, with the number of compared rows by kind."""
    model = learned(estimator)
    engine, data = engine_of(model.package, packages.reference(model))
    assert (engine.name, data) == ("onnx", form_of(model).data)
    assert engine.parity is not None
    assert engine.parity.max_difference is not None
    assert engine.parity.max_difference <= ROUNDED.get(estimator, 0.0)
    assert engine.parity.rows > 500
    assert engine.parity.flips == 0
    assert ("label" in engine.reason) == (model.package.task == "classification")


@pytest.mark.parametrize("name", ["XGBClassifier", "XGBRegressor", "RandomForestClassifier"])
def test_trees_behind_a_scaler_agree_beside_every_split(name: str) -> None:
    """The scaler is inverted to find the raw values beside a split."""
    module = "xgboost" if name.startswith("XGB") else "sklearn.ensemble"
    source = SCALED_TREES.format(module=module, name=name)
    model = learned(f"{module}.{name}", source=source)
    form = form_of(model)
    winds = [split for split in form.splits if split.origin.column == "wind"]
    assert winds[0].origin.scale != 1
    engine, _ = engine_of(model.package, packages.reference(model))
    assert engine.name == "onnx"


def own(imported: str, made: str) -> str:
    """A `pipeline.py` with its own estimator."""
    return f"{imported}\n\n\ndef estimator(params):\n    return {made}\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def features(frame):\n    return frame.assign(gust=frame['wind'] * 2)\n", "features"),
        (
            own(
                "from sklearn.linear_model import LogisticRegression\n"
                "from sklearn.pipeline import make_pipeline\n"
                "from sklearn.preprocessing import PolynomialFeatures",
                "make_pipeline(PolynomialFeatures(), LogisticRegression())",
            ),
            "PolynomialFeatures",
        ),
        (
            own("from sklearn.tree import DecisionTreeClassifier", "DecisionTreeClassifier()"),
            "DecisionTreeClassifier",
        ),
        (own("from xgboost import XGBClassifier", "XGBClassifier(booster='gblinear')"), "gbtree"),
        (
            own("from xgboost import XGBClassifier", "XGBClassifier(objective='binary:hinge')"),
            "binary:hinge",
        ),
        (
            own(
                "from sklearn.ensemble import HistGradientBoostingClassifier as Trees",
                "Trees(categorical_features=[2])",
            ),
            "categorical_features",
        ),
    ],
)
def test_a_pipeline_without_a_form_keeps_its_own_engine(source: str, reason: str) -> None:
    """The reason names the step, and nothing is raised."""
    model = learned("sklearn.linear_model.LogisticRegression", source=source)
    engine, data = engine_of(model.package, packages.reference(model))
    assert (engine.name, engine.parity, data) == ("sklearn", None, None)
    assert engine.reason.startswith("conversion failed: ")
    assert reason in engine.reason


def test_an_unexpected_error_keeps_the_pipeline(caplog: pytest.LogCaptureFixture) -> None:
    """Its class is the reason, and its traceback is in the log."""
    model = learned("sklearn.linear_model.Ridge")
    reference = packages.reference(model)
    engine, data = engine_of(
        model.package, replace(reference, features=reference.features.drop(columns="decks"))
    )
    assert (engine.name, data) == ("sklearn", None)
    assert engine.reason == "conversion failed: BadRequest; the traceback is in the log"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("xgboost.XGBClassifier", {"max_depth": 0}),
        ("xgboost.XGBClassifier", {"num_parallel_tree": 3, "subsample": 0.5}),
        ("xgboost.XGBClassifier", {"base_score": 0.1}),
        ("xgboost.XGBRegressor", {"objective": "reg:absoluteerror"}),
        ("xgboost.XGBRegressor", {"objective": "reg:pseudohubererror", "base_score": 12.0}),
        ("sklearn.ensemble.RandomForestClassifier", {"max_depth": 1, "class_weight": "balanced"}),
        ("sklearn.ensemble.RandomForestRegressor", {"criterion": "absolute_error"}),
        ("sklearn.ensemble.HistGradientBoostingRegressor", {"loss": "absolute_error"}),
        ("sklearn.linear_model.LogisticRegression", {"solver": "saga", "max_iter": 9_000}),
        ("sklearn.linear_model.Ridge", {"fit_intercept": False}),
    ],
)
def test_params_change_the_numbers_and_not_the_agreement(
    estimator: str, params: dict[str, Any]
) -> None:
    """Trees of one leaf, other losses and other base scores."""
    model = learned(estimator, **params)
    engine, _ = engine_of(model.package, packages.reference(model))
    assert engine.name == "onnx", engine.reason


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("xgboost.XGBRegressor", {"objective": "count:poisson"}),
        ("xgboost.XGBRegressor", {"objective": "reg:gamma"}),
        ("xgboost.XGBRegressor", {"objective": "reg:tweedie", "base_score": 40.0}),
        ("sklearn.ensemble.HistGradientBoostingRegressor", {"loss": "poisson"}),
        ("sklearn.ensemble.HistGradientBoostingRegressor", {"loss": "gamma"}),
    ],
)
def test_a_logarithmic_link_is_undone(estimator: str, params: dict[str, Any]) -> None:
    """Counts and amounts are exponentials of the trees' sum."""
    spec = packages.spec(estimator, **params)
    rows = packages.labelled(spec)
    model = SklearnLearner(spec, packages.dataset(), None).learn(
        rows.assign(late=rows["late"] + 50)
    )
    engine, _ = engine_of(model.package, packages.reference(model))
    assert engine.name == "onnx", engine.reason
