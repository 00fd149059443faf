"""Categories of high cardinality: grouped, encoded by the target, or warned of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from slipway.adapters.model_package.engine import engine_of
from slipway.adapters.model_package.fit_memory import FitMemory, require_memory
from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import load_package
from slipway.errors import OutOfMemory
from slipway.spec import ModelSpec
from slipway.spec.encodings import ENCODINGS
from slipway.spec.wide_columns import WIDE, describe_wide, wide_of
from slipway.stages.train.wide_columns import format_wide
from tests.support import packages, sea_states
from tests.support.command_line import Make, slipway
from tests.support.small_specs import DATASET, MODEL

ESTIMATORS = ("xgboost.XGBClassifier", "sklearn.linear_model.LogisticRegression")


def encoded(estimator: str, **features: Any) -> LearnedModel:
    """A model of lateness, of ports of which most are rare."""
    value = packages.spec(estimator).model_dump()
    value["features"] |= features
    spec = ModelSpec.model_validate(value)
    rows = packages.rows()
    rows.loc[rows.index % 10 == 0, "port"] = [f"harbour {one}" for one in range(0, 400, 10)]
    return SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=(0, 1))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rare_and_unseen_categories_are_one_in_both_engines(estimator: str) -> None:
    """Their scores are equal, and the ONNX form passes its gate."""
    learned = encoded(estimator, encoding={"rare_below": 0.05})
    rows = packages.rows().head(1)
    rare, unseen = (
        float(learned.predict(rows.assign(port=port))[0]) for port in ("harbour 10", "nowhere")
    )
    assert rare == unseen
    engine, _ = engine_of(learned.package, packages.reference(learned))
    assert engine.name == "onnx", engine.reason


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_column_encoded_by_the_target_is_served_by_its_pipeline(
    tmp_path: Path, estimator: str
) -> None:
    """The other column keeps its own encoding; the reason names the step; it can be saved."""
    learned = encoded(estimator, encodings={"port": {"method": "target"}})
    engine, _ = engine_of(learned.package, packages.reference(learned))
    assert engine.name == "sklearn"
    assert "TargetEncoder has no ONNX form" in engine.reason
    facts = {"model": "delay", "task": "classification"}
    learned.save(tmp_path / "version", facts=facts, reference=packages.reference(learned))


def test_rows_are_not_encoded_by_their_own_target() -> None:
    """A key of every row, encoded by the target, tells nothing of it."""
    value = packages.spec("sklearn.linear_model.LogisticRegression").model_dump()
    value["features"] = {"categorical": ["port"], "encoding": "target"}
    rows = packages.rows()
    rows["port"] = [f"port {one}" for one in range(len(rows))]
    spec = ModelSpec.model_validate(value)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=(0, 1))
    scores = learned.predict(rows)
    late = rows["late"] == 1
    assert abs(scores[late].mean() - scores[~late].mean()) < 0.1


def test_several_classes_are_encoded_by_each(tmp_path: Path) -> None:
    """A training with three classes encodes a column three times."""
    features = {"numeric": ["wind"], "categorical": ["port"], "encoding": {"method": "target"}}
    env = sea_states.env(tmp_path, features=features)
    request = env.ask()
    assert env.until_gate(request).verdict.action == "promote"


def test_a_wide_column_is_warned_of() -> None:
    """By name and number, with the setting that helps; no category is named."""
    value = packages.spec("sklearn.linear_model.LogisticRegression").model_dump()
    spec = ModelSpec.model_validate(value)
    rows = packages.rows(WIDE + 10)
    rows["port"] = [f"port {one}" for one in range(len(rows))]
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=(0, 1))
    assert learned.facts["wide_columns"] == {"port": WIDE + 10}
    warning = format_wide(learned.facts["wide_columns"])
    assert "port has 1,010 categories" in warning
    assert "features.encoding" in warning
    assert format_wide({}) == ""


def test_a_wide_column_is_warned_of_before_the_fit(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so while the fit runs, and a fit without enough memory names the columns."""
    fit = FitMemory(1000, 1, 5000, cell_bytes=4, fit_bytes=8, wide={"port": 5000})
    with pytest.raises(OutOfMemory) as caught:
        require_memory(fit, model="delay", available_mib=1)
    assert "port has 5,000 categories" in caplog.text
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("port has 5,000 categories: group rare ones with `features")


def test_columns_that_are_wide_together_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Of twenty columns of 80 categories none is wide alone; the largest are named."""
    sizes = {f"c{number:02}": 60 + number for number in range(20)}
    wide = wide_of(sizes | {"port": WIDE + 10})
    assert wide == sizes | {"port": WIDE + 10}
    told = "port has 1,010 categories, c19, c18, c17 and 17 more have 1,390 categories together"
    assert describe_wide(wide) == told
    assert f" Warning: {told}, each of them" in format_wide(wide)
    require_memory(
        FitMemory(10, 21, 2400, cell_bytes=4, fit_bytes=8, wide=wide),
        model="delay",
        available_mib=None,
    )
    assert told in caplog.text
    assert wide_of(dict.fromkeys(("a", "b"), WIDE // 2)) == {}
    assert describe_wide({"a": 700, "b": 400}) == "a and b have 1,100 categories together"


def test_a_training_tells_columns_that_are_wide_together() -> None:
    """By what it learnt, whatever the expectations say."""
    value = packages.spec("sklearn.linear_model.LogisticRegression").model_dump()
    rows = packages.rows(1200)
    rows["port"] = [f"port {one % 900}" for one in range(len(rows))]
    rows["berth"] = [one % 600 for one in range(len(rows))]
    spec = ModelSpec.model_validate(value)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=(0, 1))
    assert learned.facts["wide_columns"] == {"port": 900, "berth": 600}


KINDS = [f"kind {one}" for one in range(WIDE + 1)]


@pytest.mark.parametrize(
    ("expectation", "column", "most"),
    [
        ({"expect": "expect_column_values_to_be_in_set", "kwargs": {"value_set": KINDS}}, {}, 1001),
        (
            {
                "expect": "expect_column_values_to_be_between",
                "kwargs": {"min_value": 1, "max_value": 5000},
            },
            {"type": "integer"},
            5000,
        ),
        (
            {
                "expect": "expect_column_unique_value_count_to_be_between",
                "kwargs": {"max_value": 30_000},
            },
            {},
            30_000,
        ),
    ],
)
@pytest.mark.parametrize(
    ("features", "is_warned"),
    [
        ({}, True),
        ({"encoding": {"rare_below": 0.01}}, False),
        ({"encodings": {"kind": "target"}}, False),
        ({"encodings": {"kind": "one_hot"}, "encoding": "target"}, True),
    ],
)
def test_check_warns_of_a_column_that_may_become_wide(
    project: Make,
    monkeypatch: pytest.MonkeyPatch,
    expectation: dict[str, Any],
    column: dict[str, Any],
    most: int,
    *,
    features: dict[str, Any],
    is_warned: bool,
) -> None:
    """Where the expectations allow so many categories and nothing groups or encodes them."""
    dataset, model = yaml.safe_load(DATASET), yaml.safe_load(MODEL)
    dataset["streams"]["features"]["columns"]["kind"] |= column
    model["features"] |= features
    expectation = {**expectation, "kwargs": {"column": "kind", **expectation["kwargs"]}}
    files = {
        "datasets/shop/dataset.yaml": yaml.safe_dump(dataset),
        "datasets/shop/expectations.yaml": yaml.safe_dump({"features": [expectation]}),
        "models/sales/model.yaml": yaml.safe_dump(model),
    }
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(files)))
    result = slipway("check", "--json")
    assert result.exit_code == 0, result.output
    warnings = json.loads(result.output)["warnings"]
    assert len(warnings) == is_warned
    for warning in warnings:
        assert f"kind may have {most:,} categories by its expectations" in warning
        assert "features.encoding: {rare_below: 0.01}" in warning
        assert "kind 1" not in warning


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"encoding": {"method": "target", "rare_below": 0.1}}, "groups no rare categories"),
        ({"encodings": {"wind": "target"}}, "not categorical"),
        ({"encoding": "native"}, "for estimators of xgboost, given sklearn"),
        ({"encodings": {"port": "native"}}, "for estimators of xgboost, given sklearn"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(features: dict[str, Any], message: str) -> None:
    """By the spec, before any row is read."""
    value = packages.spec("sklearn.linear_model.LogisticRegression").model_dump()
    value["features"] |= features
    with pytest.raises(ValueError, match=message):
        ModelSpec.model_validate(value)


@pytest.mark.parametrize("own", [False, True])
def test_xgboost_splits_by_categories_itself(tmp_path: Path, own: bool) -> None:  # noqa: FBT001
    """As its default or for one column; a saved version scores the same, by its pipeline."""
    features = {"encodings": {"port": "native"}} if own else {"encoding": "native"}
    learned = encoded("xgboost.XGBClassifier", **features)
    estimator = learned.package.pipeline[-1]
    assert "c" in estimator.get_booster().feature_types
    assert any(tree["categories_nodes"] for tree in trees_of(estimator))
    rows = packages.rows()
    rows.loc[0, "port"] = "nowhere"
    rows.loc[1, "port"] = None
    scores = learned.predict(rows)
    assert np.isfinite(scores).all()
    engine, _ = engine_of(learned.package, packages.reference(learned))
    assert engine.name == "sklearn"
    assert "OrdinalEncoder has no ONNX form" in engine.reason
    facts = {"model": "delay", "task": "classification"}
    learned.save(tmp_path / "version", facts=facts, reference=packages.reference(learned))
    loaded = load_package(tmp_path / "version")
    assert (loaded.predict(rows) == scores).all()


def trees_of(estimator: Any) -> list[dict[str, Any]]:
    """Trees of a fitted estimator of XGBoost."""
    model = json.loads(bytes(estimator.get_booster().save_raw("json")))
    trees: list[dict[str, Any]] = model["learner"]["gradient_booster"]["model"]["trees"]
    return trees


def test_every_way_of_encoding_is_one_row() -> None:
    """Each trains a model that beats nothing but itself: scores are finite."""
    for name, row in ENCODINGS.items():
        estimator = ESTIMATORS[0] if row.estimators else ESTIMATORS[1]
        learned = encoded(estimator, encoding=name)
        assert np.isfinite(learned.predict(packages.rows())).all()


def test_check_warns_of_columns_that_may_become_wide_together(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty of 80 categories are 1,600 features; a column that is grouped does not count."""
    dataset, model = yaml.safe_load(DATASET), yaml.safe_load(MODEL)
    names = [f"c{number:02}" for number in range(20)]
    dataset["streams"]["features"]["columns"] |= {name: {"type": "string"} for name in names}
    model["features"]["categorical"] = ["kind", *names]
    kinds = [f"kind {one}" for one in range(80)]
    expectations = [
        {
            "expect": "expect_column_values_to_be_in_set",
            "kwargs": {"column": name, "value_set": list(kinds)},
        }
        for name in names
    ]
    files = {
        "datasets/shop/dataset.yaml": yaml.safe_dump(dataset),
        "datasets/shop/expectations.yaml": yaml.safe_dump({"features": expectations}),
        "models/sales/model.yaml": yaml.safe_dump(model),
    }
    root = project(files)
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    found = json.loads(slipway("check", "--json").output)
    assert found["problems"] == []
    (warning,) = found["warnings"]
    assert "c00, c01, c02 and 17 more may have 1,600 categories together" in warning
    model["features"]["encodings"] = dict.fromkeys(names[:8], "target")
    project({**files, "models/sales/model.yaml": yaml.safe_dump(model)})
    assert json.loads(slipway("check", "--json").output)["warnings"] == []
