"""Evaluation and promotion: the same unseen rows for all, and a registry that does as gated."""

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
from slipway.stages.train.promote import DIGEST
from tests.fakes.kill_points import Killed
from tests.support import ferry_dataset
from tests.support.training_env import Yard, spec

DAY = timedelta(days=1)
LOW_BAR = {"greater_is_better": True, "threshold": 0.55}


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Sixty days of labelled crossings."""
    made = Yard.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    return made


def test_the_first_model_is_compared_with_a_constant(yard: Yard) -> None:
    """There is no champion, and the record says so."""
    request = yard.ask()
    yard.snapshot(request)
    trained = yard.train(request).verdict
    numbers = yard.evaluate(request).verdict.numbers
    assert numbers["champion.version"] is None
    assert "champion.roc_auc" not in numbers
    assert numbers["constant.roc_auc"] == 0.5
    assert numbers["rows"] == trained.numbers["holdout_rows"]
    run = yard.tracking.runs[trained.evidence["mlflow_run"]]
    assert run.metrics["challenger.roc_auc"] == numbers["challenger.roc_auc"]


def test_challenger_and_champion_are_scored_on_rows_that_neither_saw(
    yard: Yard, tmp_path: Path
) -> None:
    """Rows of the challenger's holdout that the champion learnt from do not count."""
    champion = yard.champion()
    end = load_package(yard.registry.download(yard.spec.model, champion, tmp_path / "c")).manifest[
        "training_end"
    ]
    rows = yard.land(ferry_dataset.crossings(days=10, start=ferry_dataset.START + 60 * DAY))
    yard.spec = spec(training={"holdout_days": 30, "min_rows": 500})
    request = yard.ask("second")
    yard.snapshot(request)
    trained = yard.train(request).verdict.numbers
    numbers = yard.evaluate(request).verdict.numbers
    rows = pd.concat([ferry_dataset.crossings(days=60), rows])
    unseen = rows[(rows["departs"] > end) & (rows["departs"] <= str(trained["holdout_end"]))]
    assert numbers["champion.version"] == champion
    assert numbers["rows"] == len(unseen) < int(trained["holdout_rows"] or 0)
    package = load_package(tmp_path / "c")
    expected = roc_auc_score(unseen["late"], package.predict(unseen))
    assert numbers["champion.roc_auc"] == pytest.approx(expected)


def test_how_far_challenger_and_champion_differ_travels_to_the_version(
    yard: Yard, tmp_path: Path
) -> None:
    """On the rows that neither saw; a rollout expects the same of recent requests."""
    champion = yard.champion()
    yard.land(ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * DAY))
    request = yard.ask("second")
    numbers = yard.until_gate(request).verdict.numbers
    version = yard.registry.version(
        yard.spec.model, int(yard.promote(request).verdict.numbers["version"] or 0)
    )
    packages = [
        load_package(yard.registry.download(yard.spec.model, number, tmp_path / str(number)))
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


def test_the_first_version_has_nothing_to_differ_from(yard: Yard) -> None:
    """No number stands for a comparison that was not made."""
    champion = yard.registry.version(yard.spec.model, yard.champion())
    assert not [name for name in champion.tags if name.startswith("slipway.disagreement")]


def test_a_challenger_that_learnt_the_opposite_is_refused(yard: Yard) -> None:
    """Its training labels were turned round; the holdout's are as they were."""
    yard.champion()
    rows = ferry_dataset.crossings(days=40, start=ferry_dataset.START + 60 * DAY)
    learnt = rows["departs"] < rows["departs"].max() - 10 * DAY
    turned = rows["late"].where(~learnt, 1 - rows["late"])
    ferry_dataset.publish(yard.tables, rows, labels=rows.assign(late=turned))
    yard.spec = spec(training={"holdout_days": 10, "window_days": 25, "min_rows": 500})
    gated = yard.until_gate(yard.ask("second")).verdict
    assert gated.action == "refuse"
    assert float(gated.numbers["challenger.roc_auc"] or 1.0) < 0.5


def test_a_champion_that_cannot_be_scored_refuses_the_challenger(yard: Yard) -> None:
    """Its column has left the dataset: there is no comparison, so there is no promotion."""
    declared = yard.dataset.model_dump()
    declared["streams"]["features"]["columns"]["wind"]["nullable"] = False
    yard.dataset = DatasetSpec.model_validate(declared)
    yard.champion()
    del declared["streams"]["features"]["columns"]["wind"]
    yard.dataset = DatasetSpec.model_validate(declared)
    yard.spec = spec(features={"categorical": ["port"]})
    verdict = yard.until_gate(yard.ask("second")).verdict
    assert verdict.action == "refuse"
    assert "roc_auc of the champion cannot be computed" in verdict.reason


def test_a_tampered_champion_stops_the_evaluation(yard: Yard) -> None:
    """Nothing is compared with a model whose files are not the registered ones."""
    champion = yard.champion()
    uri = yard.registry.version(yard.spec.model, champion).source_uri
    (yard.tracking.root / uri.removeprefix("models:/") / MODEL).write_bytes(b"another")
    request = yard.ask("second")
    yard.snapshot(request)
    yard.train(request)
    with pytest.raises(Tampered):
        yard.evaluate(request)


def test_metrics_that_cannot_be_computed_are_none() -> None:
    """One class, no rows or a score that is no number have no metric."""
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


def test_a_regression_goes_the_same_way(yard: Yard) -> None:
    """The mean is the constant to beat, and lower errors are better."""
    bars = {"mean_absolute_error": {"greater_is_better": False, "min_relative_change": 0.0}}
    watched = {"performance": {"metric": "mean_absolute_error", "max_absolute_drop": 0.1}}
    yard.spec = spec(
        task="regression",
        estimator={"name": "xgboost.XGBRegressor", "params": {"n_estimators": 20}},
        gates={"metrics": bars, "min_holdout_rows": 100},
        monitoring=watched,
    )
    verdict = yard.until_gate(yard.ask()).verdict
    assert verdict.action == "promote"
    assert "mean_absolute_error" in verdict.reason


def test_a_promoted_challenger_is_registered_with_its_story(yard: Yard) -> None:
    """Alias, digest, reason, metrics and the ledger's head are all in the registry."""
    request = yard.ask()
    gated = yard.until_gate(request).verdict
    verdict = yard.promote(request).verdict
    challenger = yard.registry.alias(yard.spec.model, "challenger")
    assert verdict.action == "promoted"
    assert challenger is not None
    assert challenger.version == verdict.numbers["version"]
    tags = challenger.tags
    assert tags[DIGEST] == verdict.evidence["manifest_sha256"]
    assert tags["slipway.reason"] == request.reason
    assert tags["slipway.compared_with"] == "constant"
    assert float(tags["slipway.metric.roc_auc"]) == gated.numbers["challenger.roc_auc"]
    anchor = yard.registry.anchored(yard.spec.model)
    assert anchor is not None
    assert ledger.verify(yard.store, yard.spec.model, anchor=anchor) == []


def test_a_refused_challenger_is_not_registered(yard: Yard) -> None:
    """The gate's reason is the promotion's reason, and the registry is left alone."""
    bars = {"roc_auc": {"greater_is_better": True, "threshold": 0.99}}
    yard.spec = spec(gates={"metrics": bars, "min_holdout_rows": 100})
    request = yard.ask()
    gated = yard.until_gate(request).verdict
    verdict = yard.promote(request).verdict
    assert (gated.action, verdict.action) == ("refuse", "refused")
    assert verdict.reason == gated.reason
    with pytest.raises(NotFound):
        yard.registry.version(yard.spec.model, 1)


def test_a_comparison_with_a_former_champion_promotes_nothing(yard: Yard) -> None:
    """Another champion since the comparison was never beaten; the next request compares with it."""
    request = yard.ask("slow")
    yard.until_gate(request)
    champion = yard.champion("quick")
    verdict = yard.promote(request).verdict
    assert verdict.action == "refused"
    assert f"changed from none to version {champion} since the comparison" in verdict.reason
    assert verdict.numbers["champion.present"] == champion
    with pytest.raises(NotFound):
        yard.registry.version(yard.spec.model, champion + 1)


def test_a_champion_that_was_taken_away_was_never_compared_with(yard: Yard) -> None:
    """Without the champion of the comparison the challenger would have met a constant."""
    champion = yard.champion()
    yard.land(ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * DAY))
    yard.spec = spec(gates={"metrics": {"roc_auc": LOW_BAR}, "min_holdout_rows": 100})
    request = yard.ask("second")
    assert yard.until_gate(request).verdict.action == "promote"
    yard.registry.delete_alias(yard.spec.model, "champion")
    verdict = yard.promote(request).verdict
    assert verdict.action == "refused"
    assert f"changed from version {champion} to none since the comparison" in verdict.reason


def test_a_retry_knows_the_champion_that_it_made_itself(yard: Yard) -> None:
    """Killed before its record was written, it finds its own version deployed already."""
    request = yard.ask()
    yard.until_gate(request)
    anchor, yard.registry.anchor = yard.registry.anchor, _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        yard.promote(request)
    yard.registry.anchor = anchor  # type: ignore[method-assign]
    yard.registry.set_alias(yard.spec.model, "champion", 1)
    record = yard.promote(request)
    assert (record.attempt, record.verdict.action) == (2, "promoted")
    assert record.verdict.numbers["version"] == 1


def _killed(*_: object) -> None:
    raise Killed


def test_a_registry_that_is_down_costs_one_attempt(yard: Yard) -> None:
    """Promoting again once it is up makes one version."""
    request = yard.ask()
    yard.until_gate(request)
    yard.tracking.answers = False
    with pytest.raises(RegistryUnavailable):
        yard.promote(request)
    yard.tracking.answers = True
    first, again = yard.promote(request), yard.promote(request)
    assert first == again
    assert first.attempt == 2
    assert first.verdict.numbers["version"] == 1


def test_shuffled_labels_do_not_replace_a_champion(yard: Yard) -> None:
    """A challenger that learnt noise is refused, with both numbers in the reason."""
    yard.champion()
    rows = ferry_dataset.crossings(days=40, start=ferry_dataset.START + 60 * DAY)
    noise = rows["late"].sample(frac=1, random_state=1).to_numpy()
    ferry_dataset.publish(yard.tables, rows, labels=rows.assign(late=noise))
    wide = {"holdout_days": 10, "window_days": 25, "min_rows": 500}
    yard.spec = spec(training=wide)
    verdict = yard.until_gate(yard.ask("second")).verdict
    assert verdict.action == "refuse"
    assert "roc_auc" in verdict.reason
