"""The section `search` of a model, and `estimator: {name: auto}`, as `slipway check` reads them."""

from __future__ import annotations

from numbers import Integral
from pkgutil import resolve_name

import numpy as np
import pytest
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

from slipway.spec import ModelSpec
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.loading import load_all
from slipway.spec.recipes import CONSTANT, RECIPES, recipes_of
from slipway.spec.search import AUTO
from slipway.spec.searchable_params import SEARCHABLE, Bounds, Searchable, has_whole_range
from tests.support import packages
from tests.support.command_line import Make
from tests.support.small_specs import FILES, MODEL

LOGISTIC, XGB = "sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"


def problems(project: Make, search: str, *, estimator: str = LOGISTIC, own: str = "") -> list[str]:
    """The problems of the shop's model with a search."""
    text = MODEL.replace(LOGISTIC, estimator) + f"search: {search}\n"
    files = {**FILES, "models/sales/model.yaml": text}
    if own:
        files["models/sales/pipeline.py"] = own
    return [str(problem) for problem in load_all(project(files)).problems]


def space(values: str, **more: str) -> str:
    """A search of one parameter."""
    beside = "".join(f", {name}: {value}" for name, value in more.items())
    return f"{{space: {{{values}}}{beside}}}"


@pytest.mark.parametrize(
    ("estimator", "values"),
    [
        (LOGISTIC, "C: {low: 0.001, high: 100, log: true}"),
        (LOGISTIC, "solver: {choices: [lbfgs, saga]}"),
        (LOGISTIC, "class_weight: {choices: [balanced, null]}"),
        (XGB, "max_depth: {low: 2, high: 8}"),
        (XGB, "subsample: {low: 0.5, high: 1, step: 0.1}"),
        (FOREST, "min_samples_leaf: {low: 1, high: 50, log: true}"),
        (FOREST, "min_samples_leaf: {low: 0.001, high: 0.1}"),
        (FOREST, "max_features: {choices: [sqrt, 0.5, 3, null]}"),
    ],
)
def test_what_the_estimator_takes_is_no_problem(project: Make, estimator: str, values: str) -> None:
    """Whole and real numbers, texts and null."""
    assert problems(project, space(values), estimator=estimator) == []


@pytest.mark.parametrize(
    ("estimator", "values", "field", "summary"),
    [
        (LOGISTIC, "c: {low: 1, high: 2}", "c", "which a search cannot try for sklearn"),
        (LOGISTIC, "random_state: {low: 1, high: 2}", "random_state", "given 'random_state'"),
        (XGB, "max_depht: {low: 2, high: 8}", "max_depht", "did you mean 'max_depth'"),
        (XGB, "subsample: {low: 0.5, high: 1.5}", "subsample.high", "numbers above 0 to 1"),
        (XGB, "max_depth: {low: 2.5, high: 8}", "max_depth.low", "whole numbers from 0"),
        (XGB, "max_depth: {low: 2, high: 8, step: 0.5}", "max_depth.step", "a whole step"),
        (FOREST, "min_samples_leaf: {low: 0.1, high: 5}", "min_samples_leaf.high", "given 5.0"),
        (FOREST, "criterion: {choices: [gini, ginny]}", "criterion.choices.1", "given 'ginny'"),
        (FOREST, "bootstrap: {choices: [true, 1]}", "bootstrap.choices.1", "takes true or false"),
        (LOGISTIC, "C: {low: 3, high: 2}", "C.low", "`low` is below `high`, given 3 and 2"),
        (LOGISTIC, "C: {low: 0, high: 2, log: true}", "C.low", "begins above 0"),
        (LOGISTIC, "C: {low: 1}", "C", "needs `low` and `high`, or `choices`"),
        (LOGISTIC, "C: {low: 1, high: 2, step: 3}", "C.step", "at most 1"),
        (LOGISTIC, "C: {low: 1, high: 2, step: 1, log: true}", "C.step", "exclude each other"),
        (LOGISTIC, "C: {low: 1, high: 2, choices: [1, 2]}", "C.choices", "or `low` and `high`"),
        (LOGISTIC, "C: {choices: [1, 1]}", "C.choices.1", "stands there twice"),
        (LOGISTIC, "C: {choices: [1, [2]]}", "C.choices.1", "a choice is a number"),
        (LOGISTIC, "C: {low: '1', high: 2}", "C.low", "expected a number"),
        (LOGISTIC, "C: {low: true, high: 2}", "C.low", "expected a number"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    project: Make, estimator: str, values: str, field: str, summary: str
) -> None:
    """One problem each, with what the estimator takes."""
    (problem,) = problems(project, space(values), estimator=estimator)
    assert f"search.space.{field}" in problem
    assert summary in problem


def test_a_metric_of_another_task_is_refused(project: Make) -> None:
    """It measures trials as gates measure challengers."""
    (problem,) = problems(project, space("C: {low: 1, high: 2}", metric="r2_score"))
    assert "search.metric: r2_score does not fit task classification" in problem


def test_a_search_of_nothing_is_refused(project: Make) -> None:
    """With what to write."""
    (problem,) = problems(project, "{trials: 5}")
    assert "search.space: has nothing to try" in problem
    assert "estimator: {name: auto}" in problem


def test_an_estimator_of_ones_own_takes_any_parameter(project: Make) -> None:
    """Its `pipeline.py` gets them."""
    own = "def estimator(params):\n    return None\n"
    assert problems(project, space("zeal: {low: 1, high: 2}"), own=own) == []
    (problem,) = problems(project, "{minutes: 5}", estimator=AUTO, own=own)
    assert "estimator.name: given 'auto', but pipeline.py builds the estimator" in problem


def test_auto_has_a_budget_and_nothing_else(project: Make) -> None:
    """Neither parameters nor a space, and the section may be missing."""
    assert problems(project, "{minutes: 5, folds: 3, parallel: 2}", estimator=AUTO) == []
    for name, search in {"space": space("C: {low: 1, high: 2}"), "trials": "{trials: 3}"}.items():
        (problem,) = problems(project, search, estimator=AUTO)
        assert f"search.{name}: has no effect with `estimator: {{name: auto}}`" in problem
    params = f"{AUTO}\n  params: {{C: 1}}"
    (problem,) = problems(project, "{minutes: 5}", estimator=params)
    assert "estimator.params: auto takes no parameters" in problem


def test_auto_searches_without_a_section() -> None:
    """With the defaults of one."""
    value = packages.spec(LOGISTIC).model_dump()
    spec = ModelSpec.model_validate(value | {"estimator": {"name": AUTO}})
    assert spec.searching is not None
    assert spec.search_metric == "roc_auc"
    assert packages.spec(LOGISTIC).searching is None


def test_whole_numbers_stay_whole_in_kept_specs() -> None:
    """A range of 2 to 8 tries no 2.5 after a spec was kept and read again."""
    given = {"space": {"max_depth": {"low": 2, "high": 8}}}
    spec = ModelSpec.model_validate(packages.spec(XGB).model_dump() | {"search": given})
    again = ModelSpec.model_validate(spec.model_dump(mode="json"))
    assert again == spec
    assert again.search is not None
    assert isinstance(again.search.space["max_depth"].low, int)


def test_a_range_is_whole_where_the_parameter_and_its_ends_are() -> None:
    """A penalty from 1 to 10 has every value between."""
    assert has_whole_range(FOREST, "min_samples_leaf", 1, 50)
    assert not has_whole_range(FOREST, "min_samples_leaf", 0.1, 0.5)
    assert not has_whole_range(XGB, "reg_lambda", 1, 10)
    assert has_whole_range(XGB, "an_own_one", 1, 10)
    assert not has_whole_range(XGB, "an_own_one", 1, 10.5)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.startswith("sklearn.")])
def test_the_rows_of_scikit_learn_are_its_own_constraints(name: str) -> None:
    """Bounds, texts, truth values and null of each parameter that can be searched."""
    constraints = resolve_name(name)._parameter_constraints  # noqa: SLF001
    for param, row in SEARCHABLE[name].items():
        taken = constraints[param]
        whole = [_bounds(one) for one in taken if _is(one, Integral)]
        real = [
            _bounds(one) for one in taken if isinstance(one, Interval) and not _is(one, Integral)
        ]
        words = [set(one.options) for one in taken if isinstance(one, StrOptions)]
        assert row == Searchable(
            whole=whole[0] if whole else None,
            real=real[0] if real else None,
            words=frozenset(words[0]) if words else frozenset(),
            truth="boolean" in taken,
            none=any(one is None for one in taken),
        ), param


def _is(constraint: object, kind: type) -> bool:
    return isinstance(constraint, Interval) and constraint.type is kind


def _bounds(interval: Interval) -> Bounds:
    assert interval.type in {Integral, RealNotInt} or interval.type.__name__ == "Real"
    return Bounds(
        -np.inf if interval.left is None else interval.left,
        np.inf if interval.right is None else interval.right,
        open_low=interval.closed in {"right", "neither"},
        open_high=interval.right is not None and interval.closed in {"left", "neither"},
    )


# No trees at all are a constant, which it fits without a word.
@pytest.mark.parametrize("param", sorted(SEARCHABLE[XGB].keys() - {"n_estimators"}))
def test_the_rows_of_xgboost_end_where_it_refuses(param: str) -> None:
    """A fit with the bound itself ends; one beyond it raises."""
    row = SEARCHABLE[XGB][param]
    kind, random = resolve_name(XGB), np.random.default_rng(0)
    rows, labels = random.normal(size=(40, 2)), np.arange(40) % 2
    for word in row.words:
        kind(n_estimators=1, verbosity=0, **{param: word}).fit(rows, labels)
    bounds = row.whole or row.real
    if bounds is None:
        return
    step = 1 if row.whole else 1e-3
    inside = bounds.low + (step if bounds.open_low else 0)
    outside = [bounds.low - step] + ([bounds.high + step] if np.isfinite(bounds.high) else [])
    few = {"n_estimators": 1, "verbosity": 0}
    kind(**{**few, param: int(inside) if row.whole else inside}).fit(rows, labels)
    for value in outside:
        with pytest.raises(Exception, match=r"."):
            kind(**{**few, param: int(value) if row.whole else value}).fit(rows, labels)


@pytest.mark.parametrize("task", ["classification", "multiclass", "regression"])
def test_recipes_of_a_task_begin_with_the_constant(task: str) -> None:
    """A handful, each an estimator of the table with params that it takes."""
    rows = recipes_of(task)  # type: ignore[arg-type]
    assert [row.name for row in rows] == [
        *(CONSTANT, "linear", "shallow forest", "histogram boosting", "deep boosting")
    ]
    assert {row.estimator for row in RECIPES} - {""} == set(ESTIMATORS)
    for row in rows[1:]:
        assert all(SEARCHABLE[row.estimator][n].takes(v) for n, v in row.params.items())
