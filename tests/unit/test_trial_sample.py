"""The parity trial is bounded in rows and in time, and still finds a careless ONNX form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import Package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.onnx_form import OnnxForm, Origin, Split, write_onnx
from slipway.adapters.model_package.onnx_parity import compare
from slipway.adapters.model_package.trial_rows import TrialRows
from slipway.adapters.model_package.trial_sample import (
    FEWEST_ROWS,
    KINDS_OF_MISTAKES,
    LEAST_OF_A_KIND,
    MOST_CELLS,
    MOST_ROWS,
    sample_trials,
)
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn
from tests.support import onnx_mutants, packages
from tests.support.onnx_models import form_of, learned

ROWS = 150


def wide(width: int, *, texts: int = 1) -> pd.DataFrame:
    """Rows of many numbers with gaps, and of some texts with gaps."""
    random = np.random.default_rng(4)
    gaps = random.random((ROWS, width)) < 0.1
    numbers = np.where(gaps, np.nan, random.normal(size=(ROWS, width)))
    rows = pd.DataFrame(numbers, columns=[f"n{place}" for place in range(width)])
    ports = random.choice(["Oban", "Mallaig", "Ullapool"], (texts, ROWS))
    for place in range(texts):
        rows[f"t{place}"] = pd.Series(ports[place]).where(random.random(ROWS) > 0.1)
    return rows


def reference(rows: pd.DataFrame) -> ReferenceRows:
    """The rows of a training; the last ones are held out."""
    times = pd.Series(pd.date_range("2013-01-01", periods=len(rows), freq="h", tz="UTC"), name="at")
    return ReferenceRows(rows, times, np.zeros(len(rows)), rows.index.to_numpy() >= 100)


def columns(rows: pd.DataFrame) -> list[RawColumn]:
    """Its raw columns."""
    return [
        RawColumn(name, "string" if name.startswith("t") else "number", required=False)
        for name in rows
    ]


def wide_model(estimator: str) -> tuple[Package, OnnxForm, ReferenceRows]:
    """A model of 201 columns, learnt from 150 rows."""
    rows = wide(200)
    features = {"id": {"type": "string"}, "at": {"type": "timestamp"}}
    features |= {
        one.name: {"type": "number" if one.kind == "number" else "string"} for one in columns(rows)
    }
    labels = {"id": {"type": "string"}, "late": {"type": "integer"}}
    dataset = DatasetSpec.model_validate(
        {
            "dataset": "ferries",
            "key": "id",
            "event_time": "at",
            "streams": {"features": {"columns": features}, "labels": {"columns": labels}},
        }
    )
    value = packages.spec(estimator).model_dump() | {
        "features": {"numeric": [f"n{place}" for place in range(200)], "categorical": ["t0"]}
    }
    risk = rows["n0"].fillna(0) + rows["n7"].fillna(0) + (rows["t0"] == "Oban")
    model = SklearnLearner(ModelSpec.model_validate(value), dataset, None).learn(
        rows.assign(late=(risk > 0.3).astype("int64"))
    )
    return model.package, write_onnx(model.package.pipeline, model.package.columns), reference(rows)


def test_few_columns_are_compared_on_all_rows_that_can_be_made() -> None:
    """Nothing is left out, and nothing is said of a sample."""
    model = learned("xgboost.XGBClassifier")
    trial = compare(model.package, form_of(model), packages.reference(model))
    assert sum(one.rows for one in trial.checks) == trial.rows
    assert len(trial.checks) == trial.kinds


@pytest.mark.parametrize(("width", "texts"), [(200, 1), (3_000, 20)])
def test_many_columns_are_compared_on_a_bounded_sample(width: int, texts: int) -> None:
    """Rows and cells have a bound, and each kind that is scored has enough rows."""
    rows = wide(width, texts=texts)
    splits = [Split(Origin(f"n{place % width}"), place / 7) for place in range(5_000)]
    made = TrialRows(columns(rows), splits, reference(rows))
    sample = sample_trials(made)
    trials = [trial for call in sample.calls for trial in call]
    count = sum(map(len, trials))
    assert count <= MOST_ROWS
    assert count <= max(FEWEST_ROWS, MOST_CELLS // (width + texts))
    assert count > 0.8 * min(MOST_ROWS, max(FEWEST_ROWS, MOST_CELLS // (width + texts)))
    # A text has three known categories.
    cut = [trial for trial in trials if not trial.kind.startswith("known")]
    assert min(map(len, cut)) >= LEAST_OF_A_KIND
    assert sample.rows > count
    assert sample.kinds >= len(trials)
    assert (sample.kinds == len(trials)) == (width == 200)


def test_the_first_call_has_a_kind_of_each_mistake() -> None:
    """It is made however slow a pipeline is."""
    rows = wide(300, texts=3)
    splits = [Split(Origin("n5"), 0.5)]
    first = sample_trials(TrialRows(columns(rows), splits, reference(rows))).calls[0]
    kinds = [trial.kind for trial in first[: 2 + KINDS_OF_MISTAKES]]
    assert kinds[:2] == ["training rows", "held-out rows"]
    for mistake in ("rows without", "categories of", "extreme values of", "values beside splits"):
        assert [kind for kind in kinds if mistake in kind]


def test_a_slow_pipeline_is_not_asked_again() -> None:
    """After the time is over no further call begins, and the comparison says what it sampled."""
    package, form, rows = wide_model("xgboost.XGBClassifier")
    trial = compare(package, form, rows, most_seconds=0)
    assert 2 + KINDS_OF_MISTAKES < len(trial.checks) < trial.kinds
    assert sum(one.rows for one in trial.checks) < trial.rows


@pytest.mark.parametrize(
    ("estimator", "mutate", "kind"),
    [
        (
            "sklearn.ensemble.HistGradientBoostingClassifier",
            onnx_mutants.numbers_as_floats,
            "values beside splits of n",
        ),
        ("xgboost.XGBClassifier", onnx_mutants.other_side_of_equal, "values beside splits of n"),
        ("xgboost.XGBClassifier", onnx_mutants.gaps_are_zeros, "rows without n"),
        (
            "sklearn.linear_model.LogisticRegression",
            onnx_mutants.missing_is_unknown,
            "rows without t0",
        ),
    ],
)
def test_a_sample_of_a_wide_model_finds_a_careless_form(
    estimator: str, mutate: Callable[[OnnxForm], OnnxForm], kind: str
) -> None:
    """Thresholds one float apart, gaps and missing categories of 201 columns."""
    package, form, rows = wide_model(estimator)
    sound: Any = compare(package, form, rows)
    assert [one.kind for one in sound.checks if not one.agrees] == []
    assert sum(one.rows for one in sound.checks) < sound.rows
    careless = compare(package, mutate(form), rows)
    assert [one.kind for one in careless.checks if not one.agrees and one.kind.startswith(kind)]
