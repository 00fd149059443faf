"""`estimator: {name: auto}`: the simplest recipe within one standard error of the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.errors import NotComputable
from slipway.records.run_records import RunRecord
from slipway.spec.model import Estimator
from slipway.spec.search import AUTO
from slipway.stages.search.choose import one_error_bound, simplest_within_one_error
from slipway.stages.search.found import Found, found_by_recipes, found_by_trials
from slipway.stages.search.trials import Candidate, Trial
from tests.support import ferry_dataset, sea_states
from tests.support.training_env import TrainingEnv, spec

RIDGE = "sklearn.linear_model.Ridge"


def trial(number: int, name: str, scores: list[float], **more: Any) -> Trial:
    """A trial of a recipe; `constant` has no estimator."""
    estimator = None if name == "constant" else Estimator(name=RIDGE, params={"alpha": number})
    searched = {} if estimator is None else {"alpha": number}
    return Trial(number, Candidate(name, estimator, searched), scores, "complete", 1.0, **more)


RECIPES = [
    trial(0, "constant", [0.5, 0.5, 0.5]),
    trial(1, "linear", [0.68, 0.72, 0.70]),
    trial(2, "shallow forest", [0.69, 0.75, 0.72]),
    trial(3, "deep boosting", [0.70, 0.78, 0.71]),
]


def test_the_simplest_within_one_standard_error_is_kept() -> None:
    """0.73 with an error of 0.0252 lets 0.72 pass, and not 0.70."""
    best = RECIPES[3]
    assert best.mean == pytest.approx(0.73)
    assert one_error_bound(best, greater_is_better=True) == pytest.approx(0.70483, abs=1e-5)
    kept = simplest_within_one_error(RECIPES, greater_is_better=True)
    assert kept.candidate.name == "shallow forest"


def test_of_errors_the_bound_lies_above() -> None:
    """A metric whose smaller values are better."""
    errors = [
        trial(0, "constant", [3.0, 3.2]),
        trial(1, "linear", [2.0, 2.2]),
        trial(2, "x", [1.9, 2.1]),
    ]
    assert one_error_bound(errors[2], greater_is_better=False) == pytest.approx(2.1)
    assert simplest_within_one_error(errors, greater_is_better=False) is errors[1]


def test_the_verdict_says_which_and_why_with_all_figures() -> None:
    """Each recipe's mean and error, the bound, and what was not judged."""
    found = found_by_recipes(RECIPES, metric="roc_auc", folds=3, left_out=["neural net"])
    assert str(found) == (
        "auto: shallow forest, the simplest within one standard error of the best (deep boosting, "
        "bound 0.7048); roc_auc on 3 folds: constant 0.5000 ± 0.0000; linear 0.7000 ± 0.0115; "
        "shallow forest 0.7200 ± 0.0173; deep boosting 0.7300 ± 0.0252; not judged, since the time "
        "was used up: neural net"
    )
    assert found.estimator.params == {"alpha": 2}
    assert [one["name"] for one in found.facts["recipes"]] == [
        one.candidate.name for one in RECIPES
    ]


def test_a_constant_that_wins_is_an_error() -> None:
    """With all figures, and what to look at."""
    flat = [RECIPES[0], trial(1, "linear", [0.45, 0.55, 0.5]), trial(2, "deep", [0.3, 0.7, 0.52])]
    with pytest.raises(NotComputable, match="no recipe is better than a constant") as caught:
        found_by_recipes(flat, metric="roc_auc", folds=3)
    assert "constant 0.5000 ± 0.0000; linear 0.5000 ± 0.0289" in str(caught.value.found)
    assert "check the target" in str(caught.value.hint)


def test_a_tuned_verdict_has_both_figures() -> None:
    """Of what was found, and of the spec's own parameters."""
    own = trial(0, "the spec's own parameters", [0.6, 0.7])
    found = found_by_trials([own, trial(1, "trial 1", [0.8, 0.7])], metric="roc_auc", folds=2)
    assert str(found) == (
        "tuned: alpha 1 (roc_auc 0.7500 ± 0.0500 on 2 folds, 0.6500 ± 0.0500 with the spec's own "
        "parameters; 1 trial)"
    )
    manifest = {"estimator": found.estimator.model_dump(), "search": dict(found.facts)}
    assert Found.of_version(manifest) == found


def environment(folder: Path, rows: pd.DataFrame, **changes: Any) -> TrainingEnv:
    """A model of the ferries whose estimator training chooses."""
    made = TrainingEnv.in_memory(folder)
    made.spec = spec(**{"estimator": {"name": AUTO}, **changes})
    made.land(rows)
    return made


def trained(env: TrainingEnv) -> RunRecord:
    """The record of a training."""
    request = env.ask()
    env.snapshot(request)
    return env.train(request)


def test_a_straight_relation_gets_the_linear_model(tmp_path: Path) -> None:
    """Though others score about as well; its version is a logistic regression."""
    env = environment(tmp_path, ferry_dataset.crossings(days=60))
    verdict = trained(env).verdict
    evidence = verdict.evidence
    env.tracking.download(evidence["model_uri"], tmp_path / "v", sha256=evidence["manifest_sha256"])
    manifest = load_package(tmp_path / "v").manifest
    assert manifest["estimator"]["name"] == "sklearn.linear_model.LogisticRegression"
    assert manifest["search"]["kept"] == "linear"
    assert len(manifest["search"]["recipes"]) == 5
    assert verdict.reason.startswith("sklearn.linear_model.LogisticRegression learnt from")
    assert "auto: linear, the simplest within one standard error" in verdict.reason
    assert verdict.numbers["estimator"] == "sklearn.linear_model.LogisticRegression"


def test_a_relation_that_is_not_straight_gets_trees(tmp_path: Path) -> None:
    """Late in a calm and in a storm, and on time between."""
    rows = ferry_dataset.crossings(days=60)
    rows["late"] = ((rows["wind"] - 12).abs() > 5).astype("int64")
    env = environment(tmp_path, rows)
    numbers = trained(env).verdict.numbers
    assert "Logistic" not in str(numbers["estimator"])
    assert float(numbers["search_score"] or 0) > 0.95


def test_features_that_tell_nothing_end_with_an_error(tmp_path: Path) -> None:
    """No version comes of it."""
    rows = ferry_dataset.crossings(days=60)
    rows["late"] = np.random.default_rng(3).integers(0, 2, len(rows))
    with pytest.raises(NotComputable, match="no recipe is better than a constant"):
        trained(environment(tmp_path, rows, search={"metric": "log_loss"}))


def test_one_of_several_classes_is_chosen_for_too(tmp_path: Path) -> None:
    """Every classifier among the recipes learns them; the constant answers their shares."""
    env = sea_states.env(
        tmp_path, estimator={"name": AUTO}, search={"folds": 2, "metric": "log_loss"}
    )
    numbers = trained(env).verdict.numbers
    assert numbers["search_failed"] == 0
    assert str(numbers["estimator"]).endswith(("Regression", "Classifier"))


def test_a_number_is_chosen_for_too(tmp_path: Path) -> None:
    """A regression, by its own first metric."""
    rows = ferry_dataset.crossings(days=60)
    rows["late"] = (rows["wind"] * 2.0 + 3).astype("float64")
    metric = {"mean_absolute_error": {"threshold": 5.0}}
    env = environment(
        tmp_path,
        rows,
        task="regression",
        gates={"min_holdout_rows": 100, "metrics": metric},
        monitoring={"performance": {"metric": "mean_absolute_error", "max_absolute_drop": 1.0}},
    )
    env.dataset = ferry_dataset.dataset(label="number")
    assert trained(env).verdict.numbers["estimator"] == "sklearn.linear_model.Ridge"
