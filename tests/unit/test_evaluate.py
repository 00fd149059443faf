"""Evaluation and promotion: the same unseen rows for all models, and a registry after the gate."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from slipway.adapters.metrics import measure
from slipway.adapters.model_package import load_package
from slipway.errors import NotFound, RegistryUnavailable, Tampered
from slipway.records import ledger
from slipway.spec import DatasetSpec
from slipway.stages.model.manifest import MODEL
from slipway.stages.model.version_tags import DIGEST
from tests.fakes.kill_points import Killed
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAY = timedelta(days=1)
LOW_BAR = {"threshold": 0.55, "compare": "point"}


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    return made


def test_the_first_model_is_compared_with_a_constant(env: TrainingEnv) -> None:
    """There is no champion, and the record has none."""
    request = env.ask()
    env.snapshot(request)
    trained = env.train(request).verdict
    numbers = env.evaluate(request).verdict.numbers
    assert numbers["champion.version"] is None
    assert "champion.roc_auc" not in numbers
    assert numbers["constant.roc_auc"] == 0.5
    assert numbers["rows"] == trained.numbers["holdout_rows"]
    run = env.tracking.runs[trained.evidence["mlflow_run"]]
    assert run.metrics["challenger.roc_auc"] == numbers["challenger.roc_auc"]


def test_challenger_and_champion_are_scored_on_rows_that_neither_saw(
    env: TrainingEnv, tmp_path: Path
) -> None:
    """Rows of the challenger's holdout that the champion was trained on do not count."""
    champion = env.champion()
    end = load_package(env.registry.download(env.spec.model, champion, tmp_path / "c")).manifest[
        "training_end"
    ]
    rows = env.land(ferry_dataset.crossings(days=10, start=ferry_dataset.START + 60 * DAY))
    env.spec = spec(training={"holdout_days": 30, "min_rows": 500})
    request = env.ask("second")
    env.snapshot(request)
    trained = env.train(request).verdict.numbers
    numbers = env.evaluate(request).verdict.numbers
    rows = pd.concat([ferry_dataset.crossings(days=60), rows])
    unseen = rows[(rows["departs"] > end) & (rows["departs"] <= str(trained["holdout_end"]))]
    assert numbers["champion.version"] == champion
    assert numbers["rows"] == len(unseen) < int(trained["holdout_rows"] or 0)
    package = load_package(tmp_path / "c")
    expected = roc_auc_score(unseen["late"], package.predict(unseen))
    assert numbers["champion.roc_auc"] == pytest.approx(expected)


def test_how_far_challenger_and_champion_differ_travels_to_the_version(
    env: TrainingEnv, tmp_path: Path
) -> None:
    """Measured on unseen rows; a rollout compares recent rows with it."""
    champion = env.champion()
    env.land(ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * DAY))
    request = env.ask("second")
    numbers = env.until_gate(request).verdict.numbers
    version = env.registry.version(
        env.spec.model, int(env.promote(request).verdict.numbers["version"] or 0)
    )
    packages = [
        load_package(env.registry.download(env.spec.model, number, tmp_path / str(number)))
        for number in (version.version, champion)
    ]
    rows = ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * DAY)
    manifest = packages[0].manifest
    unseen = rows[rows["departs"].between(manifest["holdout_start"], manifest["holdout_end"])]
    assert numbers["rows"] == len(unseen)
    challenger, former = (package.predict(unseen) for package in packages)
    assert numbers["disagreement"] == pytest.approx(abs(challenger - former).mean())
    assert numbers["disagreement.spread"] == pytest.approx(former.std())
    assert numbers["disagreement.correlation"] == pytest.approx(
        np.corrcoef(challenger, former)[0, 1]
    )
    for name in ("disagreement", "disagreement.spread", "disagreement.correlation"):
        assert float(version.tags[f"slipway.{name}"]) == numbers[name]
    assert version.tags["slipway.compared_with"] == f"version {champion}"


def test_the_first_version_has_nothing_to_differ_from(env: TrainingEnv) -> None:
    """A missing comparison has no number."""
    champion = env.registry.version(env.spec.model, env.champion())
    assert not [name for name in champion.tags if name.startswith("slipway.disagreement")]


def test_a_challenger_that_learnt_the_opposite_is_refused(env: TrainingEnv) -> None:
    """Its training labels were inverted; the holdout's are not."""
    env.champion()
    rows = ferry_dataset.crossings(days=40, start=ferry_dataset.START + 60 * DAY)
    learnt = rows["departs"] < rows["departs"].max() - 10 * DAY
    turned = rows["late"].where(~learnt, 1 - rows["late"])
    ferry_dataset.publish(env.tables, rows, labels=rows.assign(late=turned))
    env.spec = spec(training={"holdout_days": 10, "window_days": 25, "min_rows": 500})
    gated = env.until_gate(env.ask("second")).verdict
    assert gated.action == "refuse"
    assert float(gated.numbers["challenger.roc_auc"] or 1.0) < 0.5


def test_a_champion_that_cannot_be_scored_refuses_the_challenger(env: TrainingEnv) -> None:
    """Its column is missing from the dataset: without a comparison there is no promotion."""
    declared = env.dataset.model_dump()
    declared["streams"]["features"]["columns"]["wind"]["nullable"] = False
    env.dataset = DatasetSpec.model_validate(declared)
    env.champion()
    del declared["streams"]["features"]["columns"]["wind"]
    env.dataset = DatasetSpec.model_validate(declared)
    env.spec = spec(features={"categorical": ["port"]})
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == "refuse"
    assert "roc_auc of the champion cannot be computed" in verdict.reason


def test_a_tampered_champion_stops_the_evaluation(env: TrainingEnv) -> None:
    """A model whose files differ from the registered ones is not compared."""
    champion = env.champion()
    uri = env.registry.version(env.spec.model, champion).source_uri
    (env.tracking.root / uri.removeprefix("models:/") / MODEL).write_bytes(b"another")
    request = env.ask("second")
    env.snapshot(request)
    env.train(request)
    with pytest.raises(Tampered):
        env.evaluate(request)


def test_metrics_that_cannot_be_computed_are_none() -> None:
    """One class, no rows or a score of NaN have no metric."""
    assert measure(["roc_auc", "log_loss"], actual=pd.Series([1, 1]), scores=[0.5, 0.6]) == {
        "roc_auc": None,
        "log_loss": pytest.approx(0.602, abs=0.001),
    }
    assert measure(["brier_score"], actual=pd.Series([], dtype=int), scores=[]) == {
        "brier_score": None
    }
    assert measure(["r2_score"], actual=pd.Series([1.0, 2.0]), scores=[1.0, float("nan")]) == {
        "r2_score": None
    }


def test_a_regression_goes_the_same_way(env: TrainingEnv) -> None:
    """The mean is the constant to beat, and lower errors are better."""
    bars = {"mean_absolute_error": {"greater_is_better": False, "min_relative_change": 0.0}}
    watched = {"performance": {"metric": "mean_absolute_error", "max_absolute_drop": 0.1}}
    env.spec = spec(
        task="regression",
        estimator={"name": "xgboost.XGBRegressor", "params": {"n_estimators": 20}},
        gates={"metrics": bars, "min_holdout_rows": 100},
        monitoring=watched,
    )
    verdict = env.until_gate(env.ask()).verdict
    assert verdict.action == "promote"
    assert "mean_absolute_error" in verdict.reason


def test_a_promoted_challenger_is_registered_with_its_story(env: TrainingEnv) -> None:
    """Alias, digest, reason, metrics and the ledger's head are in the registry."""
    request = env.ask()
    gated = env.until_gate(request).verdict
    verdict = env.promote(request).verdict
    challenger = env.registry.alias(env.spec.model, "challenger")
    assert verdict.action == "promoted"
    assert challenger is not None
    assert challenger.version == verdict.numbers["version"]
    tags = challenger.tags
    assert tags[DIGEST] == verdict.evidence["manifest_sha256"]
    assert tags["slipway.reason"] == request.reason
    assert tags["slipway.compared_with"] == "constant"
    assert float(tags["slipway.metric.roc_auc"]) == gated.numbers["challenger.roc_auc"]
    anchor = env.registry.anchored(env.spec.model)
    assert anchor is not None
    assert ledger.verify(env.store, env.spec.model, anchor=anchor) == []


def test_a_refused_challenger_is_not_registered(env: TrainingEnv) -> None:
    """The gate's reason is the promotion's reason, and the registry is unchanged."""
    bars = {"roc_auc": {"threshold": 0.99}}
    env.spec = spec(gates={"metrics": bars, "min_holdout_rows": 100})
    request = env.ask()
    gated = env.until_gate(request).verdict
    verdict = env.promote(request).verdict
    assert (gated.action, verdict.action) == ("refuse", "refused")
    assert verdict.reason == gated.reason
    with pytest.raises(NotFound):
        env.registry.version(env.spec.model, 1)


def test_a_comparison_with_a_former_champion_promotes_nothing(env: TrainingEnv) -> None:
    """A champion since the comparison was never beaten; the next request compares with it."""
    request = env.ask("slow")
    env.until_gate(request)
    champion = env.champion("quick")
    verdict = env.promote(request).verdict
    assert verdict.action == "refused"
    assert f"changed from none to version {champion} since the comparison" in verdict.reason
    assert verdict.numbers["champion.present"] == champion
    with pytest.raises(NotFound):
        env.registry.version(env.spec.model, champion + 1)


def test_a_champion_that_was_taken_away_was_never_compared_with(env: TrainingEnv) -> None:
    """Without the compared champion the challenger would only have met a constant."""
    champion = env.champion()
    env.land(ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * DAY))
    env.spec = spec(gates={"metrics": {"roc_auc": LOW_BAR}, "min_holdout_rows": 100})
    request = env.ask("second")
    assert env.until_gate(request).verdict.action == "promote"
    env.registry.delete_alias(env.spec.model, "champion")
    verdict = env.promote(request).verdict
    assert verdict.action == "refused"
    assert f"changed from version {champion} to none since the comparison" in verdict.reason


def test_a_retry_knows_the_champion_that_it_made_itself(env: TrainingEnv) -> None:
    """Killed before its record was written, it finds its own version as champion."""
    request = env.ask()
    env.until_gate(request)
    anchor, env.registry.anchor = env.registry.anchor, _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        env.promote(request)
    env.registry.anchor = anchor  # type: ignore[method-assign]
    env.registry.set_alias(env.spec.model, "champion", 1)
    record = env.promote(request)
    assert (record.attempt, record.verdict.action) == (2, "promoted")
    assert record.verdict.numbers["version"] == 1


def _killed(*_: object, **__: object) -> None:
    raise Killed


def test_a_registry_that_is_down_costs_one_attempt(env: TrainingEnv) -> None:
    """A second promotion after the outage makes one version."""
    request = env.ask()
    env.until_gate(request)
    env.tracking.answers = False
    with pytest.raises(RegistryUnavailable):
        env.promote(request)
    env.tracking.answers = True
    first, again = env.promote(request), env.promote(request)
    assert first == again
    assert first.attempt == 2
    assert first.verdict.numbers["version"] == 1


def test_shuffled_labels_do_not_replace_a_champion(env: TrainingEnv) -> None:
    """A challenger trained on noise is refused, with both numbers in the reason."""
    env.champion()
    rows = ferry_dataset.crossings(days=40, start=ferry_dataset.START + 60 * DAY)
    noise = rows["late"].sample(frac=1, random_state=1).to_numpy()
    ferry_dataset.publish(env.tables, rows, labels=rows.assign(late=noise))
    wide = {"holdout_days": 10, "window_days": 25, "min_rows": 500}
    env.spec = spec(training=wide)
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == "refuse"
    assert "roc_auc" in verdict.reason
