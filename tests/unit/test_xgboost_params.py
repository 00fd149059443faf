"""Misspelt parameters of XGBoost: it takes any name, and ignores what it does not know."""

from __future__ import annotations

import pytest
from xgboost import XGBClassifier, XGBRegressor

from slipway.spec.loading import load_all
from slipway.spec.xgboost_params import XGBOOST_PARAMS
from tests.support.command_line import Make
from tests.support.small_specs import FILES, MODEL


def _problems(project: Make, params: str) -> list[str]:
    text = MODEL.replace(
        "sklearn.linear_model.LogisticRegression", f"xgboost.XGBClassifier\n  params: {params}"
    )
    root = project({**FILES, "models/sales/model.yaml": text})
    return [str(problem) for problem in load_all(root).problems]


@pytest.mark.parametrize("kind", [XGBClassifier, XGBRegressor])
def test_the_names_of_the_installed_classes_are_known(kind: type) -> None:
    """So that a newer XGBoost's parameter is taken for no mistake."""
    assert set(kind().get_params()) <= XGBOOST_PARAMS


def test_a_misspelt_name_is_refused_with_the_right_one(project: Make) -> None:
    """The fit would go on without it."""
    (problem,) = _problems(project, "{n_estimatros: 200}")
    assert "estimator.params.n_estimatros: given 'n_estimatros'" in problem
    assert "which xgboost.XGBClassifier would ignore" in problem
    assert "n_estimators" in problem


def test_names_of_the_booster_and_strange_ones_pass(project: Make) -> None:
    """What resembles nothing may be of a version to come."""
    assert _problems(project, "{eta: 0.1, lambda: 1.0, zzz: 1}") == []
