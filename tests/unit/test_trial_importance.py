"""What columns are worth in a trial: with progress, in bounded time, the most used ones first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.column_use import columns_by_use
from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.shuffled_columns import ShuffledColumns
from slipway.local.trial.held_out import HeldOut
from slipway.local.trial.importance import LEAST_ROWS, MOST_SECONDS, Importance, weigh_columns
from slipway.local.trial.report import held_out_sections
from slipway.spec import ModelSpec
from tests.support import packages

ESTIMATORS = ("xgboost.XGBClassifier", "sklearn.linear_model.LogisticRegression")


def learned(estimator: str = ESTIMATORS[0]) -> tuple[LearnedModel, pd.DataFrame]:
    """A model of lateness, of which the wind alone tells something, and rows."""
    rows = packages.rows(1500)
    rows["late"] = (rows["wind"].rank(pct=True) > 0.6).astype(int)
    spec = ModelSpec.model_validate(packages.spec(estimator).model_dump())
    return SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=(0, 1)), rows


def seconds(*, each: float) -> Iterator[float]:
    """A clock by which each look takes some seconds."""
    return iter(np.arange(0, 10_000 * each, each).tolist())


def weigh(told: list[str], *, each: float = 0.0) -> Importance:
    """The importance by a clock."""
    model, rows = learned()
    ticks = seconds(each=each) if each else None
    return weigh_columns(
        rows,
        model.package,
        target=rows["late"],
        metric="roc_auc",
        seed=7,
        progress=told.append,
        clock=(lambda: next(ticks)) if ticks else (lambda: 0.0),
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_column_that_an_estimator_uses_most_is_the_first(estimator: str) -> None:
    """Trees by their gain, linear models by their coefficients; categories by all of theirs."""
    model, _ = learned(estimator)
    names = columns_by_use(model.package)
    assert names[0] == "wind"
    assert sorted(names) == sorted(column.name for column in model.package.columns)


ENCODED: list[dict[str, Any]] = [
    {},
    {"encoding": {"rare_below": 0.2}},
    {"encoding": "target"},
    {"encodings": {"port": "target", "berth": {"rare_below": 0.3}}},
]


@pytest.mark.parametrize("features", ENCODED)
@pytest.mark.parametrize("estimator", [*ESTIMATORS, "xgboost.XGBRegressor"])
def test_a_column_that_is_shuffled_after_the_preparation_gives_the_same_scores(
    estimator: str, features: dict[str, Any]
) -> None:
    """As one that is shuffled before it, whatever its encoding; the others stay as they are."""
    value = packages.spec(estimator).model_dump()
    value["features"] |= features
    spec = ModelSpec.model_validate(value)
    rows = packages.rows()
    classes = None if spec.task == "regression" else (0, 1)
    package = SklearnLearner(spec, packages.dataset(), None).learn(rows, classes=classes).package
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = ShuffledColumns(package, rows)
    for name in ("wind", "decks", "port", "berth"):
        raw = rows.assign(**{name: rows[name].array[order]})
        assert np.array_equal(shuffled.shuffled(name, order), package.predict(raw))
    assert np.array_equal(shuffled.scores(), package.predict(rows))


def test_a_pipeline_with_steps_of_its_own_prepares_each_shuffled_column() -> None:
    """What its `pipeline.py` makes of several columns follows the one that is shuffled."""
    source = "def features(frame):\n    return frame.assign(both=frame['wind'] * frame['decks'])\n"
    spec, rows = packages.spec(ESTIMATORS[0]), packages.rows()
    package = SklearnLearner(spec, packages.dataset(), source).learn(rows, classes=(0, 1)).package
    order = np.random.default_rng(3).permutation(len(rows))
    raw = rows.assign(wind=rows["wind"].array[order])
    found = ShuffledColumns(package, rows).shuffled("wind", order)
    assert np.array_equal(found, package.predict(raw))


def test_every_column_is_weighed_and_told() -> None:
    """The progress counts the columns."""
    told: list[str] = []
    found = weigh(told)
    every = len(found.worse)
    assert found.worse[0][0] == "wind"
    assert (found.left_out, found.rows) == ([], 1500)
    assert told == [f"weighing the columns: {one} of {every}" for one in range(1, every + 1)]


def test_of_many_columns_fewer_rows_are_taken_and_then_the_most_used_alone_are_weighed() -> None:
    """What was left out for lack of time is named."""
    told: list[str] = []
    found = weigh(told, each=MOST_SECONDS)
    assert found.rows == LEAST_ROWS
    assert [name for name, _ in found.worse] == ["wind"]
    assert len(found.left_out) > 0
    report = "\n".join(
        line
        for section in held_out_sections(HeldOut(1500, "roc_auc", importance=found))
        for line in section.lines
    )
    assert f"The 1 of {1 + len(found.left_out)} columns that the model uses most" in report
    assert f"left out: {', '.join(found.left_out)}" in report
    assert f"on {LEAST_ROWS} rows" in report
