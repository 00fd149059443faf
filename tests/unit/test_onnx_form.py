"""A pipeline as ONNX: the same scores, whatever the rows; and no form where it would differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.model_package.columns import LARGEST
from slipway.adapters.model_package.engine import engine_of
from slipway.adapters.model_package.learner import LearnedModel, SklearnLearner
from slipway.adapters.model_package.onnx_form import OnnxForm, write_onnx
from slipway.adapters.model_package.parity import compare
from slipway.adapters.model_package.trial_rows import values_beside
from slipway.adapters.onnx_model import OnnxModel
from slipway.spec.estimators import ESTIMATORS
from slipway.stages.model.onnx_form import MISSING, spell_category
from slipway.stages.train.engine_choice import TOLERANCE, choose_engine
from tests.support import onnx_mutants, packages

# XGBoost's sigmoid is computed in floats, and a product of matrices in another order of sums.
ROUNDED = {
    "xgboost.XGBClassifier": 1.2e-7,
    "sklearn.linear_model.LogisticRegression": 1e-15,
    "sklearn.linear_model.Ridge": 1e-13,
    "sklearn.ensemble.HistGradientBoostingClassifier": 1e-15,
}
CONVERTED = [name for name, row in ESTIMATORS.items() if row.onnx is not None]
LINES = [name for name in CONVERTED if "linear" in name]
TREES = [name for name in CONVERTED if "linear" not in name]
SCALED_TREES = """
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from {module} import {name}


def estimator(params):
    return Pipeline([("scale", StandardScaler()), ("trees", {name}(n_estimators=20))])
"""


def learned(estimator: str, *, source: str | None = None, **params: Any) -> LearnedModel:
    """A model that has learnt the crossings, of few trees."""
    if source is None and ("XGB" in estimator or "Forest" in estimator):
        params = {"n_estimators": 20} | params
    spec = packages.spec(estimator, **params)
    return SklearnLearner(spec, packages.dataset(), source).learn(packages.labelled(spec))


def form_of(model: LearnedModel) -> OnnxForm:
    """Its ONNX form."""
    return write_onnx(model.package.pipeline, model.package.columns)


def asked(model: LearnedModel) -> OnnxModel:
    """Its ONNX form, as a server asks it."""
    features = [
        {"name": one.name, "kind": one.kind, "required": one.required}
        for one in model.package.columns
    ]
    return OnnxModel(form_of(model).data, {"features": features})


def difference(model: LearnedModel, rows: pd.DataFrame) -> float:
    """The largest between both, absolute below 1 and relative above."""
    expected = model.predict(rows)
    found = asked(model).score(packages.values(model.package, rows))
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max())


@pytest.mark.parametrize("estimator", CONVERTED)
def test_every_estimator_has_a_form_that_agrees(estimator: str) -> None:
    """Gaps, known, unseen and missing categories; most estimators agree to the last bit."""
    model = learned(estimator)
    rows = packages.rows()
    strange = rows.assign(wind=np.nan, port="Ullapool", berth=None)
    for some in (rows, strange, rows.head(1)):
        assert difference(model, some) <= ROUNDED.get(estimator, 0.0)


@pytest.mark.parametrize("estimator", CONVERTED)
def test_the_gate_accepts_what_every_estimator_of_the_spec_learns(estimator: str) -> None:
    """ONNX answers for all of them, and the figures say on how many rows of how many kinds."""
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
    """The scaler is undone to find the raw numbers where a feature changes sides."""
    module = "xgboost" if name.startswith("XGB") else "sklearn.ensemble"
    source = SCALED_TREES.format(module=module, name=name)
    model = learned(f"{module}.{name}", source=source)
    form = form_of(model)
    winds = [split for split in form.splits if split.origin.column == "wind"]
    assert winds[0].origin.scale != 1
    engine, _ = engine_of(model.package, packages.reference(model))
    assert engine.name == "onnx"


SCALED_XGB = SCALED_TREES.format(module="xgboost", name="XGBClassifier")


@pytest.mark.parametrize(
    ("estimator", "source", "mutate", "kind"),
    [
        (
            "sklearn.ensemble.HistGradientBoostingClassifier",
            None,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        (
            "sklearn.ensemble.HistGradientBoostingRegressor",
            None,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        (
            "xgboost.XGBClassifier",
            SCALED_XGB,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        *(
            (name, None, onnx_mutants.other_side_of_equal, "values beside splits of wind")
            for name in TREES
        ),
        *((name, None, onnx_mutants.gaps_are_zeros, "rows without wind") for name in TREES),
        *((name, None, onnx_mutants.missing_is_unknown, "rows without port") for name in LINES),
    ],
)
def test_the_gate_refuses_a_careless_form(
    estimator: str, source: str | None, mutate: Callable[[OnnxForm], OnnxForm], kind: str
) -> None:
    """One thing wrong is found on the rows that are made for it, and told."""
    model = learned(estimator, source=source)
    compared = compare(model.package, mutate(form_of(model)), packages.reference(model))
    assert kind in {one.kind for one in compared if not one.agrees}
    engine = choose_engine(compared, labels=model.package.task == "classification")
    assert engine.name == "sklearn"
    assert engine.reason.startswith("parity: ")


def test_a_sample_of_ordinary_rows_would_not_have_told() -> None:
    """A forest's splits lie between the rows that it has seen, so those hide what rounding does."""
    source = SCALED_TREES.format(module="sklearn.ensemble", name="RandomForestClassifier")
    model = learned("sklearn.ensemble.RandomForestClassifier", source=source)
    careless = onnx_mutants.numbers_as_floats(form_of(model))
    compared = compare(model.package, careless, packages.reference(model))
    by_kind = {one.kind: one for one in compared}
    assert by_kind["training rows"].agrees
    assert by_kind["held-out rows"].agrees
    assert not by_kind["values beside splits of wind"].agrees


@pytest.mark.parametrize("name", CONVERTED)
def test_numbers_beside_a_split_are_neighbours_on_both_sides(name: str) -> None:
    """At the split, and one float and one double beside it, there is a number to be asked."""
    for split in form_of(learned(name)).splits[:50]:
        values = values_beside(split)
        at = split.threshold
        near = np.float32(at)
        assert {at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)} <= set(values)
        floats = {float(np.nextafter(near, np.float32(end))) for end in (-np.inf, np.inf)}
        assert floats <= set(values)


def own(imported: str, made: str) -> str:
    """A `pipeline.py` with an estimator of its own."""
    return f"{imported}\n\n\ndef estimator(params):\n    return {made}\n"


@pytest.mark.parametrize(
    ("source", "said"),
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
def test_a_pipeline_without_a_form_keeps_its_own_engine(source: str, said: str) -> None:
    """The reason names the step, and nothing fails."""
    model = learned("sklearn.linear_model.LogisticRegression", source=source)
    engine, data = engine_of(model.package, packages.reference(model))
    assert (engine.name, engine.parity, data) == ("sklearn", None, None)
    assert engine.reason.startswith("conversion failed: ")
    assert said in engine.reason


def test_what_nobody_thought_of_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    """Any error is the reason for the other engine, and its traceback is in the log."""
    model = learned("sklearn.linear_model.Ridge")
    engine, data = engine_of(model.package, packages.reference(model).drop(columns="part"))
    assert (engine.name, data) == ("sklearn", None)
    assert engine.reason == "conversion failed: KeyError; the traceback is in the log"
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
    """Trees of one leaf, other losses and other starts of the sum agree as well."""
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
    """Counts and amounts are exponentials of what the trees add up to."""
    spec = packages.spec(estimator, **params)
    rows = packages.labelled(spec)
    model = SklearnLearner(spec, packages.dataset(), None).learn(
        rows.assign(late=rows["late"] + 50)
    )
    engine, _ = engine_of(model.package, packages.reference(model))
    assert engine.name == "onnx", engine.reason


WEIRD = ["", " ", "  ", "nan", "None", "Oban", "Oban ", "\0", "\N{SHIP}", None]


@cache
def learned_weird(estimator: str) -> LearnedModel:
    """A model that knows categories which look like nothing."""
    random = np.random.default_rng(2)
    rows = packages.rows(600)
    chosen = random.integers(0, len(WEIRD), len(rows))
    rows["port"] = np.array(WEIRD, dtype=object)[chosen]
    # Every category has a share of late crossings of its own.
    share = (chosen + 1) / (len(WEIRD) + 1)
    rows["late"] = (random.random(len(rows)) < share).astype("int64")
    return SklearnLearner(packages.spec(estimator), packages.dataset(), None).learn(rows)


def test_categories_that_look_like_nothing_are_told_apart() -> None:
    """Empty, blank, "nan", "None" and a missing one each have a score of their own."""
    model = learned_weird("sklearn.linear_model.LogisticRegression")
    rows = packages.rows(len(WEIRD)).assign(wind=0.0, decks=1, berth="1", port=WEIRD)
    scores = asked(model).score(packages.values(model.package, rows))
    assert len(set(scores)) == len(WEIRD)
    assert difference(model, rows) <= 1e-15


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(-LARGEST, LARGEST),
            st.integers(-(2**53), 2**53),
            st.sampled_from(WEIRD) | st.none() | st.text(max_size=5),
            st.none() | st.integers(-1, 3).map(str) | st.text(" ", max_size=3),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_no_row_tells_the_engines_apart(rows: list[tuple[Any, ...]]) -> None:
    """Whatever numbers, texts and gaps come in, both engines score alike."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    names = ("wind", "decks", "port", "berth")
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)}
    )
    for name in ("sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier"):
        model = learned_weird(name)
        expected = model.predict(frame)
        assert np.abs(asked(model).score(columns) - expected).max() <= TOLERANCE


@given(categories=st.lists(st.none() | st.text() | st.text(" "), unique=True, max_size=20))
def test_no_two_categories_are_spelled_alike(categories: list[str | None]) -> None:
    """However blank they are; and only a missing one is spelled as nothing."""
    spellings = [spell_category(category) for category in categories]
    assert len(set(spellings)) == len(categories)
    assert (MISSING in spellings) == (None in categories)
