"""Explanations: SHAP values by raw column, and a challenger that is made of other columns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.explanations import CHUNK_ROWS, explain
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import Package
from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates
from slipway.stages.gates.checks.explanations import FILE, ColumnShares
from slipway.stages.ports.explanations import Explained
from slipway.stages.train.gates import gate
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

FOREST = {"name": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 10}}
TREES = [
    {"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20}},
    {"name": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 20}},
    FOREST,
]


def _rows(*, days: int = 25, seed: int = 1) -> pd.DataFrame:
    """Crossings of which those from Oban are late much more often."""
    rows = ferry_dataset.crossings(days=days, seed=seed)
    random = np.random.default_rng(seed)
    pushed = (rows["port"] == "Oban") & (random.random(len(rows)) < 0.8)
    return rows.assign(late=rows["late"].where(~pushed, 1))


def _package(estimator: dict[str, Any] | None = None, *, own: str | None = None) -> Package:
    changes = {} if estimator is None else {"estimator": estimator}
    learner = SklearnLearner(spec(**changes), ferry_dataset.dataset(), own)
    return learner.learn(_rows(), classes=(0, 1)).package


def _explained(package: Package, rows: pd.DataFrame, **changes: Any) -> Explained:
    found = explain(package, rows, **{"seed": 7, "max_seconds": 60.0} | changes)
    assert found is not None
    return found


@pytest.mark.parametrize("estimator", [None, *TREES], ids=lambda one: one and one["name"])
def test_one_hot_columns_are_added_up_to_the_raw_one(estimator: dict[str, Any] | None) -> None:
    """Three features of `port` are one column, which moves the answers about as much as it does."""
    found = _explained(_package(estimator), _rows().head(100))
    assert list(found.columns) == ["wind", "port"]
    assert found.sizes.shape == (100, 2)
    assert found.method == ("linear" if estimator is None else "tree")
    assert (found.sizes.mean(axis=0) > 0).all()


def test_the_linear_values_are_those_of_the_formula() -> None:
    """Of a logistic regression: coefficient times distance from the mean, added up by column."""
    package = _package()
    rows = _rows().head(100).reset_index(drop=True)
    found = _explained(package, rows)
    prepared = package.pipeline[0].transform(rows[["wind", "port"]])
    by_feature = package.pipeline[-1].coef_[0] * (prepared - prepared.mean(axis=0))
    assert found.sizes[:, 0] == pytest.approx(np.abs(by_feature[:, 0]))
    assert found.sizes[:, 1] == pytest.approx(np.abs(by_feature[:, 1:].sum(axis=1)))


def test_a_model_with_code_of_its_own_is_explained_by_its_answers() -> None:
    """Raw columns of any type, the same values for the same seed."""
    own = "def features(frame):\n    return frame.assign(twice=frame['wind'] * 2.0)\n"
    package = _package(own=own)
    rows = _rows().head(40)
    first, again = _explained(package, rows), _explained(package, rows)
    assert first.method == "permutation"
    assert first.sizes.shape == (40, 2)
    assert np.array_equal(first.sizes, again.sizes)
    assert (first.sizes.mean(axis=0) > 0.01).all()


def test_the_time_is_bounded() -> None:
    """No further rows are begun, and the first ones always are."""
    clock = iter(range(0, 1000, 10))
    found = _explained(
        _package(), _rows().head(200), max_seconds=15.0, clock=lambda: float(next(clock))
    )
    assert len(found.sizes) == 2 * CHUNK_ROWS


def test_two_explanations_have_a_share_in_common() -> None:
    """A column that one of them lacks counts for nothing in it."""
    own = ColumnShares({"wind": 0.7, "port": 0.3}, {})
    other = ColumnShares({"wind": 0.2, "port": 0.2, "tide": 0.6}, {})
    assert own.in_common(other) == pytest.approx(0.4)
    assert own.in_common(own) == pytest.approx(1.0)
    assert own.rank_correlation(own) == pytest.approx(1.0)
    assert (own.rank_correlation(other) or 0.0) < 0
    assert ColumnShares({"a": 1.0}, {}).rank_correlation(ColumnShares({"a": 1.0}, {})) is None


def _judge(numbers: dict[str, Number], *, champion: int | None = 4) -> Verdict:
    bar = {"threshold": 0.6, "compare": "point"}
    fields = {"metrics": {"roc_auc": bar}, "sanity": False, "explanations": {"min_stability": 0.6}}
    gates = Gates.model_validate(fields)
    known: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": champion,
        "challenger.roc_auc": 0.73,
        "champion.roc_auc": 0.70,
        "constant.roc_auc": 0.5,
    }
    return gate(gates, known | numbers)


def test_what_was_not_explained_never_passes() -> None:
    """Neither the challenger alone, nor a champion that it has to be like."""
    table = json.dumps([["wind", 0.9, 0.2], ["port", 0.1, 0.8]])
    explained: dict[str, Number] = {"explanations": 500, "explanations.table": table}
    assert _judge({}).action == "inconclusive"
    assert _judge({"explanations": 0}).action == "inconclusive"
    assert _judge(explained).action == "inconclusive"
    assert _judge(explained, champion=None).action == "promote"
    assert _judge(explained | {"explanations.stability": 0.7}).action == "promote"
    verdict = _judge(explained | {"explanations.stability": 0.3})
    assert verdict.action == "refuse"
    assert (
        "its explanation has 30% in common with the champion's, less than 60%: wind 90% (champion "
        "20%), port 10% (champion 80%)"
    ) in verdict.reason


@pytest.mark.parametrize(
    ("features", "action"),
    [
        ({"numeric": ["wind"], "categorical": ["port"]}, "promote"),
        ({"numeric": ["wind"]}, "refuse"),
    ],
)
def test_a_fitted_challenger_that_is_made_of_other_columns_is_refused(
    features: dict[str, list[str]], action: str, tmp_path: Path
) -> None:
    """The champion goes by the port; a challenger that never saw it goes by the wind alone."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(_rows(days=70))
    env.champion()
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.5, "compare": "point"}},
        "slices": {"columns": ["port"], "min_rows": 50, "max_loss": 1.0},
        "explanations": {"rows": 100, "min_stability": 0.6},
    }
    env.spec = spec(
        gates=gates, features=features, training={"holdout_days": 25, "min_rows": 500, "seed": 8}
    )
    rows = _rows(days=100, seed=2)
    ferry_dataset.publish(env.tables, rows, labels=rows)
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == action, verdict.reason
    passed, refused = "answers are moved most by", "in common with the champion's, less than 60%"
    assert (passed if action == "promote" else refused) in verdict.reason
    kept = [run.files[FILE] for run in env.tracking.runs.values() if FILE in run.files]
    table = json.loads(kept[0])
    assert sum(one["share"] for one in table["columns"]) == pytest.approx(1.0)
    assert "port = Oban" in table["slices"]


def test_nothing_is_imported_where_it_is_off() -> None:
    """Neither shap nor fairlearn, whose imports take seconds."""
    code = (
        "import sys; from slipway.wiring.gate_tools import gate_tools; gate_tools(); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"shap", "fairlearn", "numba"}.isdisjoint(done.stdout.split())
