"""Check an estimator's params as far as no data are needed: its objective, and its constraints."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from slipway.spec.dataset import DatasetSpec
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.model import ModelSpec
from slipway.spec.monotonic_constraints import constraints_of
from slipway.spec.problem_at import problem_at, unknown_name
from slipway.spec.problems import Problem, format_value, nearest
from slipway.spec.search import AUTO
from slipway.spec.searchable_params import SEARCHABLE
from slipway.spec.xgboost_params import XGBOOST_PARAMS
from slipway.spec.yaml_reader import Document, Where

_PARAMS: Where = ("estimator", "params")
_BETWEEN = "expect_column_values_to_be_between"


def own_functions(folder: Path) -> frozenset[str]:
    """Return the names of the functions that a model's `pipeline.py` defines; none without one."""
    source = folder / "pipeline.py"
    try:
        text = source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    return frozenset(re.findall(r"^def (\w+)", text, re.MULTILINE))


def param_problems(
    spec: ModelSpec, document: Document, *, own: Collection[str]
) -> Iterator[Problem]:
    """Yield the problems of an estimator's params.

    Args:
        spec: Spec of the model.
        document: Its `model.yaml`.
        own: Functions of its `pipeline.py`; one that builds the estimator gets the params, and one
            that changes the features changes how many there are.
    """
    if "estimator" in own or spec.estimator.name == AUTO:
        return
    yield from _misspelt(spec, document)
    yield from _values(spec, document)
    yield from _objective(spec, document)
    yield from _constraints(spec, document, counted=not {"features", "transformer"} & set(own))


def _misspelt(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Names that XGBoost would ignore, where one that it knows is spelt alike."""
    if not spec.estimator.name.startswith("xgboost."):
        return
    for name in spec.estimator.params:
        if name not in XGBOOST_PARAMS and nearest(name, XGBOOST_PARAMS) is not None:
            summary = f"which {spec.estimator.name} would ignore"
            where = (*_PARAMS, name)
            yield unknown_name(document, where, name, summary=summary, allowed=XGBOOST_PARAMS)


def _values(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Values that the estimator refuses, of the parameters whose values are known."""
    known = SEARCHABLE.get(spec.estimator.name, {})
    of_xgboost = spec.estimator.name.startswith("xgboost.")
    for name, given in spec.estimator.params.items():
        row = known.get(name)
        # Lists and mappings, such as weights by class, are left to the estimator.
        if row is None or isinstance(given, list | dict):
            continue
        # Null is XGBoost's own default.
        is_taken = given is None or row.takes(_as_xgboost_reads(given))
        if not (is_taken if of_xgboost else row.takes(given)):
            summary = f"given {format_value(given)}; {name} takes {row}"
            yield problem_at(document, (*_PARAMS, name), summary)


def _as_xgboost_reads(given: object) -> object:
    """A value as XGBoost reads it: texts of numbers are numbers, and `6.0` is whole."""
    if isinstance(given, str):
        with suppress(ValueError):
            given = float(given)
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _objective(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    objectives = ESTIMATORS[spec.estimator.name].objectives
    if objectives is None or objectives.param not in spec.estimator.params:
        return
    given = spec.estimator.params[objectives.param]
    allowed = objectives.of_task(multiclass=spec.task == "multiclass")
    if given is not None and given not in allowed:
        where = (*_PARAMS, objectives.param)
        summary = f"which is no {objectives.param} of {spec.estimator.name}"
        yield unknown_name(
            document,
            where,
            format_value(given).strip("'"),
            summary=summary,
            allowed=allowed,
        )


def _constraints(spec: ModelSpec, document: Document, *, counted: bool) -> Iterator[Problem]:
    param = ESTIMATORS[spec.estimator.name].monotonic
    if param is None or spec.estimator.params.get(param) is None:
        return
    where = (*_PARAMS, param)
    signs = constraints_of(spec.estimator.params[param])
    if signs is None:
        summary = "is no list of -1, 0 and 1, one for each feature in the order of `features`"
        hint = "the prepared features have no names, so constraints by name are not possible"
        yield problem_at(document, where, summary, hint=hint)
        return
    numbers, texts = len(spec.features.numeric), len(spec.features.categorical)
    exact = texts == 0
    if counted and (len(signs) != numbers if exact else len(signs) < numbers + texts):
        expected = f"{numbers}, one for each numeric column"
        if not exact:
            expected = (
                f"at least {numbers + texts}: one for each numeric column, then one for each "
                "category of each categorical column"
            )
        yield problem_at(document, where, f"has {len(signs)} signs; expected {expected}")


def objective_against_expectations(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the problem that expectations let values of the target pass that no fit can learn."""
    row = ESTIMATORS.get(spec.estimator.name)
    objectives = None if row is None else row.objectives
    if objectives is None:
        return
    needed = objectives.range_of(spec.estimator.params)
    for expectation in dataset.expectations.get("labels", ()):
        kwargs = expectation.kwargs
        if expectation.expect != _BETWEEN or kwargs.get("column") != spec.target:
            continue
        bounds = {
            "min_value": kwargs.get("min_value") if not kwargs.get("strict_min") else None,
            "max_value": kwargs.get("max_value") if not kwargs.get("strict_max") else None,
        }
        for name, bound in bounds.items():
            if isinstance(bound, int | float) and not needed.holds(bound):
                param = objectives.param
                summary = (
                    f"{spec.estimator.params[param]} learns a target {needed} only; the "
                    f"expectations let {spec.target} be {name.removesuffix('_value')}. {bound:g}"
                )
                hint = f"use another {param}, or change `{name}` in expectations.yaml"
                yield problem_at(document, (*_PARAMS, param), summary, hint=hint)
