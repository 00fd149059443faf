"""`slipway why` on requests and trainings that no champion came of yet."""

from __future__ import annotations

import pytest

from slipway.records import requests
from slipway.records.approvals import give_approval
from slipway.records.verdicts import Verdict
from slipway.records.withdrawals import withdraw
from slipway.spec.retraining import Retraining
from slipway.stages.report.model_state import ValidSpecs
from slipway.stages.report.why import why
from tests.fakes.fixed_status import FixedPlatform
from tests.support.why_env import MODEL, WhyEnv


def test_a_suppressed_first_request_is_told() -> None:
    """It does not say that the first model comes once enough labels have arrived."""
    env = WhyEnv(champion=None)
    request = env.ask(kind="first")
    assert env.lines()["Next"] == "request 1 (first) waits for the retraining policy: New code"
    requests.decide(env.store, request, action="suppress", reason="Mode observe.")
    told = env.lines()["Next"]
    assert told == (
        "a first model, with new labels or on request; request 1 was suppressed: Mode observe."
    )


def test_what_the_policy_waits_for_is_told_until_the_monitor_withdraws_it() -> None:
    """The rule that is against, with its date, and not only the monitor's last verdict."""
    env = WhyEnv()
    request = env.ask(kind="drift")
    spent = "The budget of 2 trainings in 30 days is spent until 2013-06-21 12:00 UTC of event time"
    requests.decide(env.store, request, action="suppress", reason=f"{spent}.")
    assert env.lines()["Next"] == f"request 1 (drift) was suppressed: {spent}."
    withdraw(env.store, request, reason="It is over.")
    assert env.lines()["Next"] == "the monitor looks at the first window that closes."


def test_a_request_that_waits_for_a_person_has_the_command() -> None:
    """Once a person has said yes, it waits for its turn."""
    env = WhyEnv()
    env.policy = Retraining(mode="approve")
    request = env.ask(kind="drift")
    assert env.lines()["Next"] == (
        f"request 1 (drift) waits for a person's yes (`slipway approve {MODEL} 1`): New code"
    )
    give_approval(env.store, request, answer="yes", by="ada", reason="")
    assert env.lines()["Next"] == (
        "request 1 (drift), to which ada said yes, waits for its turn: New code"
    )


@pytest.mark.parametrize(("outcome", "past"), [("refused", "was refused"), ("failed", "failed")])
def test_a_first_training_without_a_model_is_told(outcome: requests.Outcome, past: str) -> None:
    """It was answered, and there is still no model."""
    env = WhyEnv(champion=None)
    request = env.ask(kind="first")
    requests.decide(env.store, request, action="accept", reason="Accepted.")
    requests.answer(env.store, request, outcome=outcome, reason="It is no better.")
    assert env.lines()["Next"].endswith(f"request 1 {past}: It is no better.")


def test_a_training_that_failed_for_good_is_told_as_refused() -> None:
    """With its reason and hint in one line, also once there is a champion."""
    env = WhyEnv()
    why_not = "train failed and a retry cannot help: too few rows\n  hint: wait for more labels"
    answered = Verdict("answered", why_not, {"request": 3, "kind": "first", "outcome": "failed"})
    env.record("request-000003", "answer", answered)
    assert env.lines()["Refused"].endswith(
        "answer request-000003: train failed and a retry cannot help: too few rows; "
        "hint: wait for more labels"
    )


def test_a_manual_edit_holds_rollouts_up() -> None:
    """No rollout begins, so a challenger does not only wait for deploy."""
    env = WhyEnv(challenger=3)
    env.platform = FixedPlatform({2: 1.0}, edited="weights set by kubectl-edit")
    told = env.lines()
    assert "edited by hand, and deploy leaves it so: weights" in told["Served"]
    assert told["Next"].startswith("no rollout begins until the edit by hand is undone")


@pytest.mark.parametrize(
    ("valid", "told"),
    [("both", "deploy repairs it"), ("model", "deploy repairs it"), ("none", "deploy leaves it")],
)
def test_without_a_valid_spec_no_deploy_is_announced(valid: ValidSpecs, told: str) -> None:
    """Case 6: an invalid model has no DAG; with an invalid dataset alone, reconcile still runs."""
    env = WhyEnv(challenger=3)
    env.platform = FixedPlatform()
    lines = why(MODEL, store=env.store, registry=env.registry, platform=env.platform, valid=valid)
    assert f"nothing is served and version 2 is champion; {told}" in lines[0]
    assert ("no training, rollout or monitoring" in lines[-1]) == (valid != "both")
