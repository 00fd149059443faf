"""A dry run trains and judges, records what would have happened, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slipway.records import requests
from slipway.records.run_context import RunContext
from slipway.spec.gate_thresholds import gate_warnings
from slipway.stages.train.accept_request import PersonRequest
from slipway.stages.train.close_request import answer
from tests.support import ferry_dataset
from tests.support.retrain_env import RetrainEnv, trained
from tests.support.training_env import ORIGIN, TrainingEnv, spec

TRY_OUT = PersonRequest("Would today's labels do?", "ada", dry_run=True)


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    return made


def gates(**changes: Any) -> dict[str, Any]:
    """Gates that a fair model passes."""
    return {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.55, "compare": "point"}},
        **changes,
    }


def test_a_model_that_would_pass_is_not_registered(env: TrainingEnv) -> None:
    """Gate, promotion, answer and MLflow's run each say that it was a dry run."""
    request = env.ask("dry", dry_run=True)
    verdict = env.until_gate(request).verdict
    assert (verdict.action, verdict.numbers["would"]) == ("dry_run", "promote")
    assert verdict.reason.startswith(
        "Dry run, nothing changes: the version would have become challenger. Every gate holds:"
    )
    promoted = env.promote(request).verdict
    assert (promoted.action, promoted.reason) == ("dry_run", verdict.reason)
    assert env.registry.alias(env.spec.model, "challenger") is None
    assert not env.registry.exists(env.spec.model)
    requests.decide(env.store, request, action="accept", reason="By a test.")
    answer(env.spec, request=request, context=RunContext(env.store, ORIGIN))
    answered = requests.find_answer(env.store, request)
    assert answered is not None
    assert (answered.outcome, answered.reason) == ("dry_run", verdict.reason)
    tags = [run.tags for run in env.tracking.runs.values()]
    assert [one.get("slipway.dry_run") for one in tags] == ["yes"]


def test_a_model_that_would_be_refused_says_why(env: TrainingEnv) -> None:
    """By the spec every training is a dry run; the reasons are those of the gates."""
    bar = {"roc_auc": {"threshold": 0.999, "compare": "point"}}
    env.spec = spec(gates=gates(dry_run=True, metrics=bar))
    verdict = env.until_gate(env.ask("dry")).verdict
    assert (verdict.action, verdict.numbers["would"]) == ("dry_run", "refuse")
    assert "would have been refused. A gate does not hold: roc_auc" in verdict.reason
    assert "below the threshold 0.999" in verdict.reason


def test_the_next_real_training_is_as_if_there_had_been_none(env: TrainingEnv) -> None:
    """It is registered as version 1."""
    dry = env.ask("dry", dry_run=True)
    env.until_gate(dry)
    env.promote(dry)
    assert env.champion("real") == 1


def test_check_says_that_nothing_is_ever_promoted() -> None:
    """A spec that was left in dry run is seen."""
    told = [*gate_warnings(spec(gates=gates(dry_run=True)))]
    assert "gates.dry_run: challengers are trained and judged, and none is ever promoted" in told


def test_a_persons_dry_run_moves_no_clock_of_the_policy() -> None:
    """The first model is trained on the same labels, and a cron tick stays due."""
    env = RetrainEnv(min_new_labels=1000)
    env.land()
    assert env.accept(TRY_OUT).action == "accept"
    assert env.train("dry_run").numbers["outcome"] == "dry_run"
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "first")


def test_a_tick_stays_due_after_a_dry_run() -> None:
    """A dry run is not the training that the tick asks for."""
    env = trained(cron="0 0 1 * *", cooldown_days=0, min_new_labels=1)
    env.land(40)
    assert env.accept(TRY_OUT).numbers["kind"] == "person"
    env.train("dry_run")
    assert env.accept().numbers["kind"] == "cron"
