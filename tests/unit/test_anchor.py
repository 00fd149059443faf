"""An anchor bounds what many small losses add up to; reuse of a holdout is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slipway.spec import ModelSpec
from slipway.spec.base import SpecConflict
from slipway.stages.model.aliases import ANCHOR
from slipway.stages.train.anchor import find_anchor
from slipway.stages.train.gates import gate
from tests.support import ferry_dataset
from tests.support.promotions import promoted
from tests.support.training_env import TrainingEnv, spec

WEAK = {
    "name": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 1, "max_depth": 1, "max_features": 1.0},
}
STRONG = {"name": "sklearn.linear_model.LogisticRegression"}


def anchored(estimator: dict[str, Any], **anchor: Any) -> ModelSpec:
    """A model whose challengers may be a little worse than the champion."""
    gates: dict[str, Any] = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"compare": "not_worse", "margin": 0.05}},
    }
    if anchor:
        gates["anchor"] = anchor
    training = {"holdout_days": 28, "min_rows": 500}
    return spec(gates=gates, training=training, estimator=estimator)


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """A first champion that is good, and a present one that is much worse."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=90))
    made.spec = anchored(STRONG)
    promoted(made.store, made.spec.model, made.champion("first"))
    made.spec = spec(
        gates={"min_holdout_rows": 100, "metrics": {"roc_auc": {"threshold": 0.0}}}
        | {"metrics": {"log_loss": {"threshold": 9.0, "compare": "point"}}},
        training={"holdout_days": 28, "min_rows": 500},
        estimator=WEAK,
    )
    request = made.ask("crept")
    made.until_gate(request)
    version = int(made.promote(request).verdict.numbers["version"] or 0)
    made.registry.set_alias(made.spec.model, "champion", version)
    promoted(made.store, made.spec.model, version)
    return made


def test_a_challenger_as_bad_as_the_champion_is_refused_by_the_anchor(env: TrainingEnv) -> None:
    """Beside the champion it passes: what was lost before, it did not lose."""
    env.spec = anchored(WEAK)
    assert env.until_gate(env.ask("without")).verdict.action == "promote"
    env.spec = anchored(WEAK, max_loss=0.02)
    verdict = env.until_gate(env.ask("with")).verdict
    assert verdict.action == "refuse"
    assert "may be worse than that of the anchor, version 1, by more than 0.02" in verdict.reason
    assert verdict.numbers["anchor.version"] == 1


def test_a_good_challenger_passes_beside_the_anchor(env: TrainingEnv) -> None:
    """The verdict says how it compares."""
    env.spec = anchored(STRONG, max_loss=0.02)
    verdict = env.until_gate(env.ask("good")).verdict
    assert verdict.action == "promote"
    assert "beside the anchor, version 1" in verdict.reason


def test_a_hand_names_another_anchor(env: TrainingEnv) -> None:
    """The alias counts, as where the world has changed since the first champion."""
    env.registry.set_alias(env.spec.model, ANCHOR, 2)
    env.spec = anchored(WEAK, max_loss=0.02)
    verdict = env.until_gate(env.ask("named")).verdict
    assert (verdict.action, verdict.numbers["anchor.version"]) == ("promote", 2)


def test_an_anchor_that_was_deleted_holds_nothing_back_unsaid(env: TrainingEnv) -> None:
    """A gate that cannot be computed does not hold, and says what to do."""
    registry: Any = env.registry
    registry.delete_version(env.spec.model, 1)
    env.spec = anchored(WEAK, max_loss=0.02)
    verdict = env.until_gate(env.ask("lost")).verdict
    assert verdict.action == "refuse"
    assert "cannot be compared with the anchor, version 1 (give the alias `anchor`" in (
        verdict.reason
    )


def test_before_the_first_champion_there_is_no_anchor(tmp_path: Path) -> None:
    """The first model is compared with the constant alone."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=90))
    made.spec = anchored(STRONG, max_loss=0.02)
    verdict = made.until_gate(made.ask()).verdict
    assert (verdict.action, verdict.numbers["anchor.version"]) == ("promote", None)
    assert find_anchor(made.spec.model, store=made.store, registry=made.registry) is None


def test_numbers_of_an_environment_without_an_anchor_do_not_hold() -> None:
    """As those of a version from elsewhere, whose gates had none."""
    numbers: dict[str, Any] = {"rows": 900, "champion.version": None, "constant.roc_auc": 0.5}
    verdict = gate(anchored(STRONG, max_loss=0.02).gates, numbers | {"challenger.roc_auc": 0.7})
    assert verdict.action == "refuse"
    assert "it is not known whether there is an anchor" in verdict.reason


def test_the_anchors_metric_is_one_of_the_gates() -> None:
    """Others are not in the verdict."""
    with pytest.raises((SpecConflict, ValueError), match="none of the gates' metrics"):
        anchored(STRONG, max_loss=0.02, metric="log_loss")


def test_looks_at_the_same_holdout_are_counted_and_shown(env: TrainingEnv) -> None:
    """Each is a further chance to pass by luck; a repeat of one run is none."""
    env.spec = anchored(STRONG)
    request = env.ask("third")
    verdict = env.until_gate(request).verdict
    assert verdict.numbers["holdout.reused"] == 2
    assert "2 former challengers were judged on some of these rows" in verdict.reason
    assert env.until_gate(request).verdict == verdict


def test_a_later_holdout_is_a_fresh_one(env: TrainingEnv) -> None:
    """Only rows that were looked at before count."""
    later = ferry_dataset.crossings(days=60, start=ferry_dataset.START.replace(month=5))
    env.land(later)
    env.spec = anchored(STRONG)
    assert env.until_gate(env.ask("later")).verdict.numbers["holdout.reused"] == 0
