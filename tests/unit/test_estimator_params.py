"""Params that an estimator cannot use: found by the check, before the fit, or with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest

from slipway.errors import SpecError
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.loading import load_all
from slipway.spec.target_ranges import ANY
from tests.support.small_fits import FOREST, HIST, XGB, delays, learn
from tests.support.small_specs import FILES, MODEL
from tests.support.spec_edits import broken_dataset, edited

Make = Callable[[Mapping[str, str]], Path]


REGRESSION = {
    **FILES,
    **broken_dataset("sold: {type: boolean}", "sold: {type: number}"),
    "datasets/shop/expectations.yaml": "labels: []\n",
}


OWN_ESTIMATOR = """
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.pipeline import Pipeline


def estimator(params):
    return Pipeline([("last", {name}())])
"""


def model_yaml(estimator: str, params: str, *, categorical: str = "[kind]") -> str:
    """A regression of the shop with these params."""
    text = edited(MODEL, "task: classification", "task: regression")
    text = text.replace("roc_auc: {threshold: 0.6}", "r2_score: {threshold: 0.1}").replace(
        "roc_auc", "r2_score"
    )
    params = f"{estimator}\n  params: {params}"
    text = edited(text, "sklearn.linear_model.LogisticRegression", params)
    return edited(text, "categorical: [kind]", f"categorical: {categorical}")


@pytest.mark.parametrize("name", [name for name, row in ESTIMATORS.items() if row.objectives])
def test_objectives_are_those_of_the_library(name: str) -> None:
    """The params that scikit-learn lists, and objectives that XGBoost can fit."""
    row = ESTIMATORS[name]
    assert row.objectives is not None
    assert row.objectives.range_of({}) == ANY
    known, kind = set(row.objectives.ranges), resolve_name(name)
    assert row.monotonic in kind().get_params()
    if name.startswith("sklearn."):
        with pytest.raises(ValueError, match=row.objectives.param) as refused:
            kind(**{row.objectives.param: "no such"}).fit([[0.0], [1.0]], [0, 1])
        listed = str(refused.value).partition("{")[2].partition("}")[0]
        assert known == set(re.findall(r"'(\w+)'", listed)) or known == {"log_loss"}
        return
    labels = np.resize([0, 1], 40)
    # One needs a further param, and one is an old name that warns.
    for objective in known - {"reg:quantileerror", "reg:linear"}:
        shift = int(objective == "reg:gamma")
        kind(objective=objective, n_estimators=1).fit(labels[:, None], labels + shift)


@pytest.mark.parametrize(
    ("estimator", "params", "bound"),
    [
        (XGB, {"objective": "count:poisson"}, "0 or more"),
        (XGB, {"objective": "reg:gamma"}, "greater than 0"),
        (XGB, {"objective": "reg:tweedie"}, "0 or more"),
        (XGB, {"objective": "reg:squaredlogerror"}, "greater than -1"),
        (XGB, {"objective": "reg:logistic"}, "from 0 to 1"),
        (HIST, {"loss": "poisson"}, "0 or more"),
        (HIST, {"loss": "gamma"}, "greater than 0"),
        (FOREST, {"criterion": "poisson"}, "0 or more"),
    ],
)
def test_a_target_outside_the_range_of_the_objective_is_refused_before_the_fit(
    estimator: str, params: dict[str, Any], bound: str
) -> None:
    """The error has the objective, its range and a count of rows, and no value."""
    with pytest.raises(SpecError, match="cannot learn this target") as caught:
        learn(estimator, delays(), **params)
    assert next(iter(params.values())) in caught.value.message
    assert caught.value.expected == f"values {bound} in every row"
    assert (caught.value.found or "").endswith(" of 300 rows")
    assert "estimator.params" in (caught.value.where or "")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("estimator", "params", "problem"),
    [
        (FOREST, "{max_depth: -5}", "max_depth: given -5; max_depth takes whole numbers from 1"),
        (HIST, "{learning_rate: fast}", "learning_rate takes numbers above 0"),
        (HIST, "{learning_rate: null}", "given nothing; learning_rate takes"),
        (FOREST, "{max_features: cube}", "log2, sqrt, null"),
        (XGB, "{subsample: 1.5}", "given 1.5; subsample takes numbers above 0 to 1"),
        (XGB, "{eta: fast}", "eta takes numbers from 0"),
        (XGB, "{max_depth: 6.0, eta: '0.3', subsample: null, n_jobs: 1}", ""),
        (FOREST, "{max_features: 0.5, max_samples: null, ccp_alpha: 0}", ""),
    ],
)
def test_values_that_an_estimator_refuses_are_found_by_the_check(
    project: Make, estimator: str, params: str, problem: str
) -> None:
    """With what it takes; what only its library reads as a number passes."""
    root = project(REGRESSION | {"models/sales/model.yaml": model_yaml(estimator, params)})
    told = [str(one) for one in load_all(root).problems]
    assert len(told) == int(bool(problem)), told
    assert all(problem in one for one in told)


@pytest.mark.parametrize("name", ["PoissonRegressor", "GammaRegressor"])
def test_an_estimator_of_pipeline_py_is_asked_for_its_range_too(name: str) -> None:
    """The last step of a pipeline counts."""
    with pytest.raises(SpecError, match=f"the loss of {name} cannot learn"):
        learn("sklearn.linear_model.Ridge", delays(), OWN_ESTIMATOR.format(name=name))


def test_a_target_inside_the_range_is_learnt() -> None:
    """Counts suit a Poisson objective."""
    rows = delays().assign(late=np.arange(300) % 7)
    learned = learn(XGB, rows, objective="count:poisson", n_estimators=2)
    assert learned.predict(rows).shape == (300,)


@pytest.mark.parametrize(
    ("estimator", "params", "categorical", "message"),
    [
        (
            XGB,
            "{objective: 'count:poison'}",
            "[kind]",
            "params.objective: given 'count:poison', which is no objective of .*'count:poisson'",
        ),
        (XGB, "{objective: 'multi:softprob'}", "[kind]", "given 'multi:softprob', which is no"),
        (HIST, "{loss: 7}", "[kind]", "params.loss: given '7', which is no loss of"),
        (HIST, "{monotonic_cst: [1, 0]}", "[]", "has 2 signs; expected 1, one for each numeric"),
        (FOREST, "{monotonic_cst: [1, 0]}", "[]", "has 2 signs; expected 1"),
        (XGB, "{monotone_constraints: '(1, 0)'}", "[]", "has 2 signs; expected 1"),
        (XGB, "{monotone_constraints: [1]}", "[kind]", "has 1 signs; expected at least 2: one for"),
        (
            HIST,
            "{monotonic_cst: {price: 1}}",
            "[kind]",
            "is no list of.*\n.*have no names",
        ),
        (HIST, "{monotonic_cst: [2]}", "[]", "is no list of -1, 0 and 1"),
    ],
)
def test_the_check_finds_params_that_no_data_can_suit(
    project: Make, estimator: str, params: str, categorical: str, message: str
) -> None:
    """File, line and field, as for every other mistake of a spec."""
    text = model_yaml(estimator, params, categorical=categorical)
    (problem,) = load_all(project({**REGRESSION, "models/sales/model.yaml": text})).problems
    assert problem.file == "include/models/sales/model.yaml"
    assert problem.line == text[: text.index("params:")].count("\n") + 1
    assert re.search(message, str(problem))


def test_params_of_an_own_estimator_are_its_own(project: Make) -> None:
    """A `pipeline.py` that builds the estimator may take any params."""
    text = model_yaml(XGB, "{objective: mine}")
    files = {**REGRESSION, "models/sales/model.yaml": text}
    own = {"models/sales/pipeline.py": "def estimator(params):\n    return None\n"}
    assert load_all(project({**files, **own})).problems == ()


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ("min_value: -60", 1),
        ("min_value: 0", 1),
        ("min_value: 0, strict_min: true", 0),
        ("min_value: 1, max_value: 600", 0),
        ("max_value: 600", 0),
    ],
)
def test_the_check_compares_an_objective_with_the_expectations(
    project: Make, bounds: str, found: int
) -> None:
    """What the expectations let pass, the objective has to learn."""
    expectations = (
        "labels:\n  - expect: expect_column_values_to_be_between\n"
        f"    kwargs: {{column: sold, {bounds}}}\n"
    )
    files = {
        **REGRESSION,
        "datasets/shop/expectations.yaml": expectations,
        "models/sales/model.yaml": model_yaml(XGB, "{objective: 'reg:gamma'}"),
    }
    problems = load_all(project(files)).problems
    assert ["greater than 0 only" in str(one) for one in problems] == [True] * found


@pytest.mark.parametrize(
    ("kind", "allowed", "found"),
    [
        ("integer", "[0, 1, 2]", 1),
        ("integer", "[1, 2]", 1),
        ("integer", "[0, '1']", 0),
        ("boolean", "['true', false]", 0),
    ],
)
def test_the_check_finds_labels_that_a_classification_cannot_learn(
    project: Make, kind: str, allowed: str, found: int
) -> None:
    """What the expectations let pass, the task has to learn."""
    expectations = (
        "labels:\n  - expect: expect_column_values_to_be_in_set\n"
        f"    kwargs: {{column: sold, value_set: {allowed}}}\n"
    )
    files = {
        **FILES,
        **broken_dataset("sold: {type: boolean}", f"sold: {{type: {kind}}}"),
        "datasets/shop/expectations.yaml": expectations,
    }
    problems = load_all(project(files)).problems
    assert ["learns two, 0 and 1" in str(one) for one in problems] == [True] * found


def test_texts_as_labels_get_the_setting_that_fits(project: Make) -> None:
    """`UP` and `DOWN` are classes, of which the model names one."""
    files = {**FILES, **broken_dataset("sold: {type: boolean}", "sold: {type: string}")}
    (problem,) = load_all(project(files)).problems
    assert "name it, as in `positive: UP`" in str(problem)
