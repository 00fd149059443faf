"""Rows that are scored without a frame have the pipeline's scores, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slipway.adapters.model_package.array_scores import UseFrame, array_scores
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import Package
from slipway.spec import ModelSpec
from tests.support import packages

TREES, LINES = "xgboost.XGBClassifier", "sklearn.linear_model.LogisticRegression"
FRAMES = (1, 2, 3, 5, 8, 16, 31, 64, 400)


def learnt(estimator: str, source: str | None = None, **features: Any) -> Package:
    """A fitted model of lateness."""
    value = packages.spec(estimator).model_dump()
    value["features"] |= features
    spec = ModelSpec.model_validate(value)
    learner = SklearnLearner(spec, packages.dataset(), source)
    return learner.learn(packages.labelled(spec)).package


@pytest.mark.parametrize(
    ("estimator", "features"),
    [
        (TREES, {}),
        (TREES, {"encoding": "native"}),
        (LINES, {}),
        (LINES, {"categorical": []}),
        (LINES, {"encodings": {"port": {"method": "target"}}}),
        (LINES, {"encoding": {"rare_below": 0.4}}),
        ("sklearn.ensemble.RandomForestClassifier", {}),
        ("sklearn.linear_model.Ridge", {}),
    ],
)
def test_scores_are_those_of_the_pipeline(estimator: str, features: dict[str, Any]) -> None:
    """For one row and for many, with missing values and categories that training had not."""
    package = learnt(estimator, **features)
    score = array_scores(package)
    assert score is not None
    rows = packages.rows()
    rows.loc[3, "port"] = "Ullapool"
    rows.loc[4, "wind"] = -0.0
    for count in FRAMES:
        some = rows.head(count)
        by_frame = package.predict(some)
        by_array = score(packages.values(package, some))
        assert by_array.dtype == by_frame.dtype
        assert np.array_equal(by_array, by_frame)


def test_a_pipeline_of_another_form_gets_frames() -> None:
    """Code of the model itself may use the names of columns."""
    source = "def features(rows):\n    return rows.assign(gale=rows['wind'] > 1.0)\n"
    assert array_scores(learnt(TREES, source)) is None


@pytest.mark.parametrize(
    ("column", "value"), [("wind", 1e300), ("wind", "x"), ("decks", "y"), ("port", 5)]
)
def test_values_that_a_request_cannot_have_are_left_to_the_frame(column: str, value: Any) -> None:
    """It refuses them with the reason that every reader has."""
    package = learnt(LINES)
    score = array_scores(package)
    assert score is not None
    values = packages.values(package, packages.rows().head(1))
    place = [one.name for one in package.columns].index(column)
    values[place] = [value]
    with pytest.raises(UseFrame):
        score(values)
