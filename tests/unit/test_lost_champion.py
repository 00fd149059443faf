"""A champion that was deleted in the registry: gates and requests say so and stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.records import requests
from slipway.records.store import encode, read_json
from slipway.stages.model.version_tags import COMPARED_WITH
from slipway.stages.train.accept_request import PersonRequest
from tests.fakes.mlflow import MemoryRegistry
from tests.support import ferry_dataset
from tests.support.promotions import promoted
from tests.support.retrain_env import ASKED, MODEL, RetrainEnv, trained
from tests.support.training_env import TrainingEnv, spec


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings, and a champion that was promoted and then deleted."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    version = made.champion()
    promoted(made.store, made.spec.model, version)
    assert isinstance(made.registry, MemoryRegistry)
    made.registry.delete_version(made.spec.model, version)
    return made


def test_a_gate_whose_champion_was_deleted_refuses(env: TrainingEnv) -> None:
    """Case 4: a challenger that beats the constant does not pass as the first one would."""
    request = env.ask("again")
    verdict = env.until_gate(request).verdict
    assert verdict.action == "refuse"
    assert "the champion, version 1, is lost in the registry" in verdict.reason
    assert "ask again with `without_champion`" in verdict.reason
    assert verdict.numbers["champion.lost"] == 1
    assert env.promote(request).verdict.action == "refused"


def test_a_champion_that_is_lost_after_the_gates_refuses_with_the_way_out(tmp_path: Path) -> None:
    """Case 4: the challenger was compared with a version that is no longer there."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    promoted(env.store, env.spec.model, env.champion())
    bar = {"threshold": 0.55, "compare": "point"}
    env.spec = spec(gates={"min_holdout_rows": 100, "metrics": {"roc_auc": bar}})
    request = env.ask("again")
    assert env.until_gate(request).verdict.action == "promote"
    env.registry.delete_alias(env.spec.model, "champion")
    verdict = env.promote(request).verdict
    assert verdict.action == "refused"
    assert "The champion changed from version 1 to none since the comparison" in verdict.reason
    assert "The champion, version 1, is lost: MLflow has the version and no" in verdict.reason


def test_a_request_can_leave_the_lost_champion_out(env: TrainingEnv) -> None:
    """Case 4: then the constant is the bar, and the verdict says what was left out."""
    request = env.ask("again", without_champion=True)
    verdict = env.until_gate(request).verdict
    assert verdict.action == "promote"
    assert verdict.reason.endswith(
        "the champion, version 1, is lost and was left out as requested."
    )
    assert verdict.numbers["champion.waived"] == 1
    version = int(env.promote(request).verdict.numbers["version"] or 0)
    assert env.registry.version(env.spec.model, version).tags[COMPARED_WITH] == "constant"


def test_a_champion_that_is_there_is_compared_with_whatever_a_request_leaves_out(
    tmp_path: Path,
) -> None:
    """The option is about a lost champion, and no way around a gate."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    promoted(env.store, env.spec.model, env.champion())
    verdict = env.until_gate(env.ask("again", without_champion=True)).verdict
    assert verdict.numbers["champion.version"] == 1
    assert "champion.waived" not in verdict.numbers


def lost() -> RetrainEnv:
    """A model whose champion was deleted, and new labels since."""
    env = trained()
    promoted(env.store, MODEL, 1)
    env.registry.aliases.clear()
    env.registry.deleted = {1}
    env.land()
    return env


def test_no_request_is_due_while_the_champion_is_lost() -> None:
    """Case 4: "there is no model yet" was filed as a reason, and a training began."""
    env = lost()
    verdict = env.accept()
    assert verdict.action == "nothing"
    assert "The champion, version 1, is lost: MLflow has no version 1" in verdict.reason
    assert env.kinds() == ["first"]


def test_a_person_has_to_say_that_the_champion_is_left_out() -> None:
    """Case 4: the same words with `without_champion` are another request, which is accepted."""
    env = lost()
    verdict = env.accept(ASKED)
    assert verdict.action == "suppress"
    assert "--without-champion yes" in verdict.reason
    verdict = env.accept(PersonRequest(ASKED.reason, ASKED.by, without_champion=True))
    assert (verdict.action, verdict.numbers["request"]) == ("accept", 3)
    assert requests.read_request(env.store, MODEL, 3).without_champion


def test_requests_of_before_are_read() -> None:
    """A request that has no such field leaves nothing out."""
    env = RetrainEnv()
    env.land()
    env.accept()
    key = f"requests/{MODEL}/000001.json"
    value = read_json(env.store, key)
    del value["without_champion"]
    env.store.write(key, encode(value))
    assert not requests.read_request(env.store, MODEL, 1).without_champion
