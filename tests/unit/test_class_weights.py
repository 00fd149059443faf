"""Weights of classes: of the rows in a fit, for every classifier, and recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slipway.adapters.model_package.class_weights import weights_by_class
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.errors import SpecError
from slipway.spec import ModelSpec
from slipway.spec.estimators import ESTIMATORS
from tests.support import packages, sea_states

CLASSIFIERS = [name for name, row in ESTIMATORS.items() if row.fits("classification")]


def weighted(estimator: str, weights: Any) -> ModelSpec:
    """A model of lateness with weights of classes."""
    params = {"n_estimators": 20} if "XGB" in estimator or "Forest" in estimator else {}
    value = packages.spec(estimator, **params).model_dump()
    return ModelSpec.model_validate(value | {"training": {"class_weights": weights}})


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_a_heavier_class_is_predicted_more_often(estimator: str) -> None:
    """Its probabilities rise, and the weights are recorded."""
    rows = packages.rows()
    means, recorded = [], []
    for weights in (None, {"1": 20.0}):
        model = SklearnLearner(weighted(estimator, weights), packages.dataset(), None)
        learned = model.learn(rows, classes=(0, 1))
        means.append(float(learned.predict(rows).mean()))
        recorded.append(learned.facts.get("class_weights"))
    assert means[1] > means[0] + 0.02
    assert recorded == [None, {"0": 1.0, "1": 20.0}]


def test_balanced_classes_weigh_the_same() -> None:
    """Rows of a class times its weight are equal for all that occur; several classes too."""
    spec = sea_states.model(training={"class_weights": "balanced"})
    target = np.array([0] * 70 + [1] * 20 + [2] * 10)
    weights = weights_by_class(target, ("calm", "choppy", "rough"), spec=spec)
    assert weights is not None
    totals = [weights[name] * rows for name, rows in zip(weights, (70, 20, 10), strict=True)]
    assert np.allclose(totals, 100 / 3)


def test_a_weight_of_no_class_is_refused() -> None:
    """Named, with the number of classes that there are."""
    spec = sea_states.model(training={"class_weights": {"stormy": 2.0}})
    with pytest.raises(SpecError, match="weights of classes that its target does not have"):
        weights_by_class(np.array([0, 1]), ("calm", "rough"), spec=spec)


def test_an_estimator_that_cannot_weigh_rows_is_refused() -> None:
    """A nearest-neighbour model of its own has no weights of rows."""
    source = (
        "from sklearn.neighbors import KNeighborsClassifier\n\n\n"
        "def estimator(params):\n    return KNeighborsClassifier()\n"
    )
    name = "sklearn.linear_model.LogisticRegression"
    learner = SklearnLearner(weighted(name, "balanced"), packages.dataset(), source)
    with pytest.raises(SpecError, match="KNeighborsClassifier cannot weigh rows"):
        learner.learn(packages.rows(), classes=(0, 1))


def test_a_regression_has_no_class_weights() -> None:
    """The spec is refused."""
    value = packages.spec("sklearn.linear_model.Ridge").model_dump()
    with pytest.raises(ValueError, match="class_weights are of classes"):
        ModelSpec.model_validate(value | {"training": {"class_weights": "balanced"}})
