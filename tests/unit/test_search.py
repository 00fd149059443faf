"""A search on folds of the training rows: what it finds, sees and leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.tuning import StudyDatabase
from slipway.errors import NotComputable, SpecError, StoreUnavailable
from slipway.records.run_records import RunRecord
from slipway.records.store import read_json
from slipway.spec.search import AUTO, Search
from slipway.stages.gates.random_holdout import RandomHoldout
from slipway.stages.ports.tuning import StudyPlan
from slipway.stages.search.progress import Progress
from slipway.stages.search.trials import Candidate, Trial
from tests.support import ferry_dataset
from tests.support.searches import search_tools
from tests.support.training_env import TrainingEnv, spec

RIDGED = {"name": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}}
SEARCH = {
    "space": {"C": {"low": 1e-4, "high": 10.0, "log": True}},
    "trials": 6,
    "folds": 3,
    "metric": "log_loss",
}


def searching(folder: Path, *, rows: pd.DataFrame | None = None, **changes: Any) -> TrainingEnv:
    """Sixty days of crossings, and a model that searches."""
    made = TrainingEnv.in_memory(folder)
    made.spec = spec(**{"estimator": RIDGED, "search": SEARCH, **changes})
    made.land(ferry_dataset.crossings(days=60) if rows is None else rows)
    return made


def trained(env: TrainingEnv, unique: str = "first", **tools: Any) -> RunRecord:
    """The record of a training."""
    request = env.ask(unique)
    env.snapshot(request)
    return env.train(request, tools=search_tools(**tools) if tools else None)


def manifest_of(env: TrainingEnv, record: RunRecord, folder: Path) -> Any:
    """The manifest of the trained version."""
    evidence = record.verdict.evidence
    env.tracking.download(evidence["model_uri"], folder, sha256=evidence["manifest_sha256"])
    return load_package(folder).manifest


def trials_of(env: TrainingEnv, unique: int = 1) -> list[Any]:
    """The trials that the store keeps, in order."""
    folder = f"runs/ferry_delay/request-{unique:06d}/train"
    keys = [one.key for one in env.store.list(folder) if "/trials-" in one.key]
    return [read_json(env.store, key) for key in sorted(keys)]


def test_a_search_is_told_by_verdict_and_manifest(tmp_path: Path) -> None:
    """Found parameters, their figure with its error, that of the spec's own, and the counts."""
    env = searching(tmp_path)
    record = trained(env)
    verdict = record.verdict
    manifest = manifest_of(env, record, tmp_path / "v")
    found = manifest["search"]["searched"]["C"]
    assert manifest["estimator"]["params"] == {"C": found}
    assert f"tuned: C {found:.4g} (log_loss 0." in verdict.reason
    assert "with the spec's own parameters; 6 trials" in verdict.reason
    assert verdict.numbers["search_trials"] == 6
    assert verdict.numbers["search_score"] == manifest["search"]["score"]
    assert float(verdict.numbers["search_own_score"] or 0) > manifest["search"]["score"] + 0.05
    kept = trials_of(env)
    assert [one["number"] for one in kept] == list(range(7))
    best = min(
        (one for one in kept if one["state"] == "complete"), key=lambda one: np.mean(one["scores"])
    )
    assert best["candidate"]["searched"] == {"C": found}


def test_a_search_that_finds_nothing_better_keeps_the_specs_parameters(tmp_path: Path) -> None:
    """The spec's own are measured first, on the same folds."""
    own = {"name": RIDGED["name"], "params": {"C": 1.0}}
    worse = {**SEARCH, "space": {"C": {"choices": [1e-9, 1e-8]}}, "metric": "log_loss"}
    record = trained(searching(tmp_path, estimator=own, search=worse))
    assert "tuned: the spec's own parameters kept, log_loss 0." in record.verdict.reason
    assert record.verdict.numbers["search_score"] == record.verdict.numbers["search_own_score"]


def test_values_that_were_tried_cost_no_second_fit(tmp_path: Path) -> None:
    """A repeated proposal takes the scores of its twin."""
    few = {**SEARCH, "space": {"C": {"choices": [0.1, 1.0]}}}
    env = searching(tmp_path, search=few)
    trained(env)
    tried = trials_of(env)[1:]
    assert len(tried) == 6
    assert sum(one["seconds"] > 0 for one in tried) == 2


def test_equal_seeds_find_the_same_and_others_try_others(tmp_path: Path) -> None:
    """Proposals depend on seed and scores alone."""
    seeds = {
        name: {"holdout_days": 10, "min_rows": 500, "seed": seed}
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    }
    tried = {}
    for name, training in seeds.items():
        env = searching(tmp_path / name, training=training)
        (tmp_path / name).mkdir()
        trained(env)
        tried[name] = [one["candidate"]["searched"] for one in trials_of(env)]
    assert tried["a"] == tried["b"]
    assert tried["a"] != tried["c"]


@pytest.mark.parametrize("split", ["time", "random"])
@pytest.mark.parametrize("auto", [False, True])
def test_tuning_never_sees_gate_rows(tmp_path: Path, split: str, *, auto: bool) -> None:
    """With the holdout's labels permuted and its features changed, the trials score the same."""
    rows = ferry_dataset.crossings(days=60)
    training = {"split": split, "holdout_days": 10, "min_rows": 500}
    changes: dict[str, Any] = {"training": training}
    if auto:
        changes |= {"estimator": {"name": AUTO}, "search": {"folds": 2}}
    first = searching(tmp_path / "first", rows=rows, **changes)
    (tmp_path / "first").mkdir()
    record = trained(first)
    held_out = _held_out(first, rows, split)
    assert held_out.sum() == record.verdict.numbers["holdout_rows"]
    other = rows.copy()
    random = np.random.default_rng(4)
    other.loc[held_out, "late"] = random.permutation(rows.loc[held_out, "late"].to_numpy())
    other.loc[held_out, "wind"] = random.permutation(rows.loc[held_out, "wind"].to_numpy())
    assert not other.equals(rows)
    second = searching(tmp_path / "second", rows=other, **changes)
    (tmp_path / "second").mkdir()
    again = trained(second)
    assert [one["scores"] for one in trials_of(first)] == [
        one["scores"] for one in trials_of(second)
    ]
    assert again.verdict.numbers["search_score"] == record.verdict.numbers["search_score"]


def _held_out(env: TrainingEnv, rows: pd.DataFrame, split: str) -> Any:
    if split == "random":
        return RandomHoldout.of(env.spec.training).holds(rows["crossing"])
    newest = rows["departs"].max()
    return (rows["departs"] >= newest - pd.Timedelta(days=10)).to_numpy()


def test_each_trial_is_a_run_below_the_trainings(tmp_path: Path) -> None:
    """With parameters, fold values and state; the training's run has what was found."""
    env = searching(tmp_path)
    record = trained(env)
    run = env.tracking.runs[record.verdict.evidence["mlflow_run"]]
    assert len(run.trials) == 7
    own = run.trials[0]
    assert own.name == "000 the spec's own parameters"
    assert own.params["estimator.C"] == "1e-06"
    assert own.tags == {"slipway.trial": "0", "slipway.trial_state": "complete"}
    assert len(own.by_fold["fold.log_loss"]) == 3
    assert own.metrics["log_loss"] == pytest.approx(np.mean(own.by_fold["fold.log_loss"]))
    assert run.params["found"] == RIDGED["name"]
    assert run.params["found.C"] == str(
        manifest_of(env, record, tmp_path / "v")["search"]["searched"]["C"]
    )


def test_a_trial_that_the_estimator_refuses_is_told_and_no_end(tmp_path: Path) -> None:
    """Its reason stands in the record; the spec's own parameters have to work."""
    space = {"space": {"solver": {"choices": ["lbfgs", "liblinear"]}}, "trials": 4, "folds": 2}
    own = {
        "name": RIDGED["name"],
        "params": {"C": 1.0, "l1_ratio": 0.0, "solver": "saga", "max_iter": 500},
    }
    l1 = {**own, "params": {**own["params"], "l1_ratio": 1.0}}
    env = searching(
        tmp_path,
        estimator=l1,
        search={**space, "space": {"solver": {"choices": ["saga", "lbfgs"]}}},
    )
    record = trained(env)
    failed = [one for one in trials_of(env) if one["state"] == "failed"]
    assert failed
    assert "cannot learn ferry_delay" in failed[0]["reason"]
    assert record.verdict.numbers["search_failed"] == len(failed)
    broken = searching(tmp_path / "b", estimator={**own, "params": {"l1_ratio": 1.0}}, search=space)
    with pytest.raises(SpecError, match="cannot learn ferry_delay"):
        trained(broken)


def test_time_is_a_budget(tmp_path: Path) -> None:
    """No fit begins once it is used up; the spec's own parameters are measured all the same."""
    env = searching(tmp_path, search={**SEARCH, "minutes": 1e-6})
    record = trained(env)
    assert record.verdict.numbers["search_trials"] == 0
    assert "the spec's own parameters kept" in record.verdict.reason


def test_progress_is_told_with_the_time_left(tmp_path: Path) -> None:
    """After each fold; then the fit of what was found."""
    every: list[str] = []
    trained(searching(tmp_path), tell=every.append)
    told = [one for one in every if one.startswith("search: ")]
    assert len(told) >= 7
    assert "7 of 7 trials, best log_loss 0." in told[-1]
    assert "spent, about 0 s left" in told[-1]
    assert any(one.startswith("fitting sklearn.") for one in every[every.index(told[-1]) :])


def test_no_time_left_is_told_that_cannot_be_foreseen() -> None:
    """Before a trial has ended, and of recipes, of which the last ones take the longest."""
    done = Trial(0, Candidate("constant", None, {}), (0.5,), "complete", 1.0)
    of_recipes = Progress((done,), 5, "roc_auc", done, 34.0, 120.0, 1, are_alike=False)
    assert str(of_recipes) == (
        "search: 1 of 5 trials, best roc_auc 0.5 (constant); 34 s of 2 min spent"
    )
    assert str(Progress((), 5, "roc_auc", None, 3.0, 60.0, 1)).endswith("; 3 s of 60 s spent")
    alike = Progress((done,), 5, "roc_auc", done, 34.0, 120.0, 1)
    assert str(alike).endswith("spent, about 4 s left")


def test_a_hopeless_trial_ends_early(tmp_path: Path) -> None:
    """After its first fold, where the median trial gained more there."""
    many = {
        **SEARCH,
        "trials": 14,
        "space": {"C": {"low": 1e-9, "high": 10.0, "log": True}},
        "metric": "log_loss",
    }
    env = searching(tmp_path, search=many)
    trained(env)
    pruned = [one for one in trials_of(env) if one["state"] == "pruned"]
    assert pruned
    assert all(0 < len(one["scores"]) < 3 for one in pruned)


def test_folds_without_both_classes_are_told_before_any_fit(tmp_path: Path) -> None:
    """With the metric and what to change."""
    rows = ferry_dataset.crossings(days=60)
    rows.loc[: len(rows) // 3, "late"] = 0
    env = searching(tmp_path, rows=rows)
    with pytest.raises(NotComputable, match="log_loss cannot be computed on fold 1 of 3"):
        trained(env)


def test_a_database_that_does_not_answer_can_be_tried_again(tmp_path: Path) -> None:
    """The error repeats no address, which may have a password."""
    env = searching(tmp_path)
    search = env.spec.searching or Search()
    plan = StudyPlan("m/r/i", str(RIDGED["name"]), search, greater_is_better=True, seed=7)
    url = "postgresql+psycopg2://ada:secret@127.0.0.1:1/studies"
    with (
        pytest.raises(StoreUnavailable, match="the database of studies does not answer") as caught,
        StudyDatabase(url, folder=tmp_path).open_study(plan, []),
    ):
        pass
    assert "secret" not in str(caught.value)


def test_a_bad_default_is_improved_on_rows_that_no_trial_has_seen(tmp_path: Path) -> None:
    """Deep trees learn the noise of few rows by heart; the search finds shallow ones."""
    rows = ferry_dataset.crossings(days=60)
    deep = {
        "name": "xgboost.XGBClassifier",
        "params": {"n_estimators": 60, "max_depth": 12, "learning_rate": 0.8},
    }
    search = {
        "space": {
            "max_depth": {"low": 1, "high": 12},
            "learning_rate": {"low": 0.02, "high": 0.8, "log": True},
        },
        "trials": 12,
        "folds": 3,
    }
    areas = {}
    for name, changes in {"given": {}, "searched": {"search": search}}.items():
        (tmp_path / name).mkdir()
        env = searching(tmp_path / name, rows=rows, estimator=deep, **{"search": None, **changes})
        request = env.ask()
        env.snapshot(request)
        env.train(request)
        areas[name] = float(env.evaluate(request).verdict.numbers["challenger.roc_auc"] or 0)
    assert areas["searched"] > areas["given"] + 0.03
