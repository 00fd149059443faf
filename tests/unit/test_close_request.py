"""Answers to retrain requests, from the records of their stages, with a limit on crashes."""

from __future__ import annotations

import pytest

from slipway.errors import BadBatch, BadParameter, StoreUnavailable
from slipway.records import requests
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.stages.train.close_request import answer
from slipway.stages.train.crash_limit import KILLED_LIMIT
from tests.support.retrain_env import MODEL, ORIGIN, RetrainEnv, failing, trained


def test_a_permanent_failure_answers_the_request() -> None:
    """A retry cannot help, so the request is closed with the error."""
    env = RetrainEnv()
    env.land()
    env.accept()
    env.finish("snapshot", "pinned")
    failing(env, "train", BadBatch("the labels have one class"))
    verdict = env.answer()
    assert verdict.numbers["outcome"] == "failed"
    assert "the labels have one class" in verdict.reason
    assert requests.in_flight(env.store, MODEL) is None


def test_a_failed_training_does_not_delay_a_later_one() -> None:
    """It used no labels, so label count and cool-down ignore it."""
    env = RetrainEnv(cooldown_days=90, min_new_labels=10**6)
    env.land()
    env.accept()
    failing(env, "snapshot", BadBatch("the spec was wrong"))
    env.answer()
    assert env.accept().action == "nothing"
    env.land()
    assert env.accept().numbers["request"] == 2


def test_a_passing_failure_leaves_the_request_open() -> None:
    """The next sweep resumes the request, and may succeed."""
    env = RetrainEnv()
    env.land()
    env.accept()
    failing(env, "snapshot", StoreUnavailable("no answer"))
    assert env.answer().action == "open"
    assert env.accept().numbers["request"] == 1
    assert env.train().numbers["outcome"] == "promoted"


def test_an_unexpected_failure_is_given_one_more_try() -> None:
    """A `pipeline.py` that always raises does not block later requests."""
    env = RetrainEnv()
    env.land()
    env.accept()
    env.finish("snapshot", "pinned")
    failing(env, "train", KeyError("a value"))
    assert env.answer().action == "open"
    failing(env, "train", KeyError("a value"))
    verdict = env.answer()
    assert verdict.numbers["outcome"] == "failed"
    assert "KeyError" in verdict.reason
    assert "a value" not in verdict.reason


def test_a_stage_that_is_killed_repeatedly_is_given_up() -> None:
    """A kill for lack of memory leaves attempts without an error."""
    env = RetrainEnv()
    env.land()
    env.accept()
    for number in range(1, KILLED_LIMIT + 1):
        assert env.answer().action == "open"
        folder = RunRef(MODEL, env.current().run, "snapshot").folder
        env.store.create(f"{folder}/attempt-{number:04d}.json", b"{}")
    assert env.answer().numbers["outcome"] == "failed"


def test_only_accepted_requests_are_answered() -> None:
    """A suppressed request has no stages and no answer."""
    env = trained()
    request = env.drift("2013-02")
    env.accept()
    with pytest.raises(BadParameter, match="cannot be answered"):
        answer(env.spec, request=request, context=RunContext(env.store, ORIGIN))
