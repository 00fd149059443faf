"""`training.ship: refit`: a version learns from all labelled rows, and is like the judged model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.errors import NotFound
from slipway.records.requests import Request
from slipway.records.run_records import RunRef, find_record
from slipway.spec.labels import Label
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.version_tags import DIGEST, SHIP, TRAINING_END
from slipway.stages.ports.package import FittedModel, Rounds
from tests.fakes.kill_points import KillableProxy, Killed, KillPoint
from tests.support import ferry_dataset, sea_states
from tests.support.environments import WRITES
from tests.support.training_env import TrainingEnv, spec

MODEL = "ferry_delay"
TRAINING = {"holdout_days": 10, "min_rows": 500, "ship": "refit"}


def made(folder: Path, *, days: int = 60, training: dict[str, Any] | None = None) -> TrainingEnv:
    """Labelled crossings, and a model that ships its refit."""
    env = TrainingEnv.in_memory(folder)
    env.spec = spec(training={**TRAINING, **(training or {})})
    env.land(ferry_dataset.crossings(days=days))
    return env


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings, and a model that ships its refit."""
    return made(tmp_path)


def judged(env: TrainingEnv) -> Request:
    """A request whose training was judged."""
    request = env.ask()
    env.until_gate(request)
    return request


def sealed(env: TrainingEnv, number: int, to: Path) -> dict[str, Any]:
    """Manifest of a version, checked against its digest."""
    tags = env.registry.version(env.spec.model, number).tags
    return open_sealed(env.registry.download(env.spec.model, number, to), sha256=tags[DIGEST])


class BreaksOnNewRows(SklearnLearner):
    """A learner whose model goes wrong once it sees rows that the judged model did not."""

    until = pd.Timestamp("2013-02-20", tz="UTC")

    def learn(
        self,
        rows: pd.DataFrame,
        *,
        classes: Sequence[Label] | None = None,
        calibrate_on: pd.DataFrame | None = None,
        rounds: Rounds | None = None,
    ) -> FittedModel:
        """Fit, to spoilt labels where there are newer rows."""
        if rows["departs"].max() > self.until:
            rows = rows.assign(late=self.spoilt(rows["late"]))
        return super().learn(rows, classes=classes, calibrate_on=calibrate_on, rounds=rounds)

    def spoilt(self, late: pd.Series[Any]) -> Any:
        """Labels the other way round."""
        return 1 - late


class LearnsNoise(BreaksOnNewRows):
    """Its labels are anybody's."""

    def spoilt(self, late: pd.Series[Any]) -> Any:
        """Labels at random."""
        return np.random.default_rng(3).permutation(late.to_numpy())


def test_a_refit_is_registered_with_the_figures_of_the_judged_model(
    env: TrainingEnv, tmp_path: Path
) -> None:
    """It learnt from all rows; the digest is its own, and its manifest keeps the judged model's."""
    request = judged(env)
    trained = find_record(env.store, RunRef(MODEL, request.run, "train"))
    assert trained is not None
    verdict = env.refit(request).verdict
    assert verdict.action == "refitted", verdict.reason
    before = trained.verdict
    assert (
        verdict.numbers["training_rows"]
        == before.numbers["training_rows"] + before.numbers["holdout_rows"]
    )
    assert verdict.numbers["training_end"] == before.numbers["holdout_end"]
    assert verdict.numbers["refit.rows"] == before.numbers["holdout_rows"]
    assert verdict.numbers["refit.rank_correlation"] > 0.9
    promoted = env.promote(request).verdict
    assert promoted.action == "promoted"
    assert "It is the refit: sklearn.linear_model.LogisticRegression learnt" in promoted.reason
    tags = env.registry.version(MODEL, 1).tags
    assert tags[SHIP] == "refit"
    assert tags[DIGEST] == verdict.evidence["manifest_sha256"] != before.evidence["manifest_sha256"]
    assert tags[TRAINING_END] == verdict.numbers["training_end"]
    assert tags["slipway.metric.roc_auc"] == repr(promoted.numbers["challenger.roc_auc"])
    manifest = sealed(env, 1, tmp_path / "v")
    assert manifest["ship"] == "refit"
    assert "holdout_start" not in manifest
    assert manifest["judged"] == {
        "manifest_sha256": before.evidence["manifest_sha256"],
        **{
            f"{part}_{what}": before.numbers[f"{part}_{what}"]
            for part in ("training", "holdout")
            for what in ("rows", "start", "end")
        },
    }
    run = env.tracking.runs[verdict.evidence["mlflow_run"]]
    assert run.metrics["refit.roc_auc"] == verdict.numbers["refit.roc_auc"]


def test_a_window_keeps_its_length_and_ends_with_the_newest_row(tmp_path: Path) -> None:
    """The refit learns from the newest rows, as the next training with this recipe would."""
    env = made(tmp_path, training={"window_days": 30})
    request = judged(env)
    numbers = env.refit(request).verdict.numbers
    start, end = (pd.Timestamp(numbers[f"training_{one}"]) for one in ("start", "end"))
    newest = ferry_dataset.crossings(days=60)["departs"].max()
    assert end == newest
    assert pd.Timedelta(days=29) < end - start <= pd.Timedelta(days=30)


def test_a_random_holdout_is_learnt_too(tmp_path: Path) -> None:
    """No draw of keys is left in the manifest, by which a row could count as unseen."""
    env = made(tmp_path / "env", training={"split": "random", "holdout_days": 28})
    assert env.champion() == 1
    manifest = sealed(env, 1, tmp_path / "v")
    assert "random_holdout" not in manifest
    assert manifest["judged"]["random_holdout"] == {"share": 0.2, "seed": 7}
    assert manifest["training_rows"] == len(ferry_dataset.crossings(days=60))


def test_what_a_search_found_is_fitted_again_without_a_search(tmp_path: Path) -> None:
    """Parameters are those of the judged model."""
    env = made(tmp_path / "env")
    space = {"C": {"low": 0.001, "high": 10.0}}
    env.spec = spec(training=TRAINING, search={"space": space, "trials": 2, "folds": 2})
    request = judged(env)
    trained = find_record(env.store, RunRef(MODEL, request.run, "train"))
    assert trained is not None
    numbers = env.refit(request).verdict.numbers
    assert numbers["estimator.C"] == trained.verdict.numbers["estimator.C"]
    assert numbers["search"] == trained.verdict.numbers["search"]


def test_scores_are_corrected_and_decided_by_the_newest_of_all_rows(tmp_path: Path) -> None:
    """Calibration and threshold are the refit's own, and a metric of classes goes by them."""
    more = {
        "calibration": {"method": "sigmoid", "days": 10, "min_rows": 100},
        "decision": {"false_negative": 5.0, "false_positive": 1.0},
    }
    env = made(tmp_path / "env", training=more)
    gates = {"min_holdout_rows": 100, "metrics": {"balanced_accuracy": {"threshold": 0.5}}}
    env.spec = spec(training={**TRAINING, **more}, gates=gates)
    request = judged(env)
    verdict = env.refit(request).verdict
    assert verdict.action == "refitted", verdict.reason
    env.promote(request)
    manifest = sealed(env, 1, tmp_path / "v")
    trained = find_record(env.store, RunRef(MODEL, request.run, "train"))
    assert trained is not None
    assert manifest["calibration_rows"] == 400
    assert manifest["decision_threshold"] != trained.verdict.numbers["decision_threshold"]
    tag = env.registry.version(MODEL, 1).tags["slipway.decision_threshold"]
    assert tag == repr(manifest["decision_threshold"])
    evaluated = find_record(env.store, RunRef(MODEL, request.run, "evaluate"))
    assert evaluated is not None
    assert (
        verdict.numbers["judged.balanced_accuracy"]
        == (evaluated.verdict.numbers["challenger.balanced_accuracy"])
    )


def test_several_classes_are_compared_by_class(tmp_path: Path) -> None:
    """Metric, agreement and ranks of all classes."""
    env = sea_states.env(tmp_path)
    env.spec = env.spec.model_copy(
        update={"training": env.spec.training.model_copy(update={"ship": "refit"})}
    )
    request = judged(env)
    verdict = env.refit(request).verdict
    assert verdict.action == "refitted", verdict.reason
    assert verdict.numbers["refit.rank_correlation"] > 0.9
    assert env.promote(request).verdict.action == "promoted"


def test_a_challenger_is_compared_only_on_rows_that_a_refit_has_not_seen(env: TrainingEnv) -> None:
    """None of its own holdout before there are newer labels; then the newer ones alone."""
    env.champion()
    early = env.ask("early")
    verdict = env.until_gate(early).verdict
    assert verdict.numbers["rows"] == 0
    assert "0 common holdout rows are fewer than 100" in verdict.reason
    later = ferry_dataset.crossings(
        days=5, start=ferry_dataset.START + pd.Timedelta(days=60), seed=2
    )
    env.land(later)
    assert env.until_gate(env.ask("late")).verdict.numbers["rows"] == len(later)


@pytest.mark.parametrize("learner", [BreaksOnNewRows, LearnsNoise])
def test_a_refit_that_breaks_on_the_newer_rows_is_refused(
    env: TrainingEnv, learner: type[SklearnLearner]
) -> None:
    """It is not logged, nothing is registered, and the verdict tells figures and a way out."""
    request = judged(env)
    before = set(env.tracking.root.glob("m-*"))
    verdict = env.refit(request, make_learner=learner).verdict
    assert verdict.action == "refused"
    assert "on rows that it has seen, and the judged model's, which had not" in verdict.reason
    assert "`training: {ship: judged}`" in verdict.reason
    assert set(env.tracking.root.glob("m-*")) == before
    promoted = env.promote(request).verdict
    assert (promoted.action, promoted.reason) == ("refused", verdict.reason)
    assert env.registry.alias(MODEL, "challenger") is None


def test_nothing_is_fitted_again_where_the_gates_do_not_hold(env: TrainingEnv) -> None:
    """Nor after a dry run; the promotion tells the gate's reason."""
    dry = env.ask("dry", dry_run=True)
    env.until_gate(dry)
    verdict = env.refit(dry).verdict
    assert verdict.action == "nothing"
    assert verdict.reason.startswith("Dry run")
    assert env.promote(dry).verdict.action == "dry_run"
    strict = {"min_holdout_rows": 100, "metrics": {"roc_auc": {"threshold": 0.99}}}
    env.spec = spec(training=TRAINING, gates=strict)
    refused = env.ask("strict")
    gate = env.until_gate(refused).verdict
    assert env.refit(refused).verdict.action == "nothing"
    assert env.promote(refused).verdict.reason == gate.reason


def test_a_spec_that_changes_on_the_way_ships_what_was_recorded(env: TrainingEnv) -> None:
    """A refit that is asked for has to be there; after the promotion there is nothing to fit."""
    request = judged(env)
    with pytest.raises(NotFound):
        env.promote(request)
    asked, env.spec = env.spec, spec()
    assert env.promote(request).verdict.action == "promoted"
    env.spec = asked
    verdict = env.refit(request).verdict
    assert verdict.action == "nothing"
    assert "promoted already" in verdict.reason
    assert SHIP not in env.registry.version(MODEL, 1).tags


def test_the_refit_is_built_by_the_specs_of_the_training(env: TrainingEnv, tmp_path: Path) -> None:
    """A seed that was changed since does not matter."""
    request = judged(env)
    env.spec = spec(training={**TRAINING, "seed": 99, "holdout_days": 3})
    env.refit(request)
    env.promote(request)
    assert sealed(env, 1, tmp_path / "v")["seed"] == 7


def test_a_refit_that_is_killed_anywhere_is_shipped_once(tmp_path: Path) -> None:
    """Also between the folder in MLflow and the record: a repeat's own folder is registered."""
    for writes in range(20):
        (tmp_path / f"{writes}").mkdir()
        env = made(tmp_path / f"{writes}")
        request = judged(env)
        kill_point = KillPoint(writes)
        killable = replace(
            env,
            store=KillableProxy(env.store, kill_point, writes=WRITES),  # type: ignore[arg-type]
            tracking=KillableProxy(env.tracking, kill_point, writes=WRITES),
        )
        try:
            killable.refit(request)
        except Killed:
            pass
        else:
            break
        verdict = env.refit(request).verdict
        assert verdict.action == "refitted"
        assert env.promote(request).verdict.numbers["version"] == 1
        tags = env.registry.version(MODEL, 1).tags
        assert tags[DIGEST] == verdict.evidence["manifest_sha256"]
        assert sealed(env, 1, tmp_path / f"{writes}-v")["ship"] == "refit"
    assert kill_point.seen >= 4, "attempt, folder, metrics and record"
