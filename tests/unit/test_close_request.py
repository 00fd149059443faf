"""Answers to retrain requests, from the records of their stages, with a limit on crashes."""

from __future__ import annotations

import pytest

from slipway.errors import BadBatch, BadParameter, StoreUnavailable
from slipway.records import ledger, requests
from slipway.records.open_work import open_stages
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef, need_record
from slipway.stages.train.close_request import answer
from slipway.stages.train.crash_limit import KILLED_LIMIT
from tests.fakes.kill_points import Killed
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


def test_an_answer_that_was_killed_before_its_record_is_completed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request is answered, so nobody resumes it: the next sweep makes record and entry."""
    env = RetrainEnv()
    env.land()
    env.accept()
    env.finish("snapshot", "pinned")
    failing(env, "train", BadBatch("the labels have one class"))
    create = env.store.create

    def killed_at_the_record(key: str, data: bytes) -> bool:
        if key.endswith("/answer/record.json"):
            raise Killed
        return create(key, data)

    with monkeypatch.context() as patched:
        patched.setattr(env.store, "create", killed_at_the_record)
        with pytest.raises(Killed):
            env.answer()
    assert requests.in_flight(env.store, MODEL) is None
    assert list(open_stages(env.store, MODEL)) != []
    env.accept()
    ref = RunRef(MODEL, "request-000001", "answer")
    assert need_record(env.store, ref).verdict.numbers["outcome"] == "failed"
    assert ledger.verify(env.store, MODEL) == []
    assert list(open_stages(env.store, MODEL)) == []


def test_a_refit_that_is_asked_for_later_keeps_no_promoted_request_open() -> None:
    """What the last stage recorded is the outcome; before that the refit is waited for."""
    env = RetrainEnv()
    env.land()
    env.accept()
    for stage in ("snapshot", "train", "evaluate", "gate"):
        env.finish(stage, "done")
    refitting = env.spec.training.model_copy(update={"ship": "refit"})
    env.spec = env.spec.model_copy(update={"training": refitting})
    assert "refit is not finished" in env.answer().reason
    env.finish("promote_challenger", "promoted")
    assert env.answer().numbers["outcome"] == "promoted"
