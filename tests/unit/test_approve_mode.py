"""`mode: approve`: an automatic request waits for a person's yes, which is recorded with a name."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pytest

from slipway.errors import BadParameter, NotFound
from slipway.records import requests
from slipway.records.approvals import find_approval
from slipway.records.requests import Decision
from slipway.stages.train.persons_answer import PersonsAnswer
from tests.support.retrain_env import ASKED, MODEL, RetrainEnv


def waiting() -> RetrainEnv:
    """A model whose monitor has asked for a training."""
    env = RetrainEnv(mode="approve", cooldown_days=0, min_new_labels=1)
    env.land()
    env.accept(ASKED)
    env.train()
    env.land()
    env.drift("2013-02")
    return env


def said(
    number: int, answer: Literal["yes", "no"] = "yes", by: str = "ada", reason: str = "seen it."
) -> PersonsAnswer:
    """What a person says."""
    return PersonsAnswer(number, answer, by, reason)


def decision(env: RetrainEnv, number: int) -> Decision | None:
    """The decision on a request."""
    return requests.find_decision(env.store, requests.read_request(env.store, MODEL, number))


def test_an_automatic_request_waits_undecided_and_says_for_what() -> None:
    """Also in later sweeps; a person's own request waits for nobody."""
    env = waiting()
    for _ in range(2):
        verdict = env.accept()
        assert (verdict.action, verdict.numbers["request"]) == ("wait", 3)
        assert "waits for a person's yes (retraining.mode: approve)" in verdict.reason
        assert f"`slipway approve {MODEL} 3`, or the same with `--no`" in verdict.reason
        assert decision(env, 3) is None


def test_a_yes_begins_the_training_and_is_kept_with_name_and_time() -> None:
    """Decision and answer hold who said it; the repeat of a retried task changes nothing."""
    env = waiting()
    for _ in range(2):
        verdict = env.accept(persons_answer=said(3))
        assert (verdict.action, verdict.numbers["request"]) == ("accept", 3)
    given = find_approval(env.store, requests.read_request(env.store, MODEL, 3))
    assert given is not None
    assert (given.answer, given.by, given.reason) == ("yes", "ada", "seen it")
    assert datetime.fromisoformat(given.at).tzinfo is not None
    decided = decision(env, 3)
    assert decided is not None
    assert decided.numbers["approved_by"] == "ada"
    assert decided.reason.startswith("ada said yes: seen it. Accepted: nothing else is in flight")


def test_a_no_suppresses_the_request_for_good() -> None:
    """It is not asked again, until a newer window asks."""
    env = waiting()
    assert env.accept(persons_answer=said(3, "no")).action == "suppress"
    decided = decision(env, 3)
    assert decided is not None
    assert decided.reason == "ada said no: seen it"
    env.land()
    assert env.accept().action == "nothing"
    env.drift("2013-03")
    assert env.accept().numbers["request"] == 4


def test_a_yes_during_another_training_is_kept_until_that_is_answered() -> None:
    """What a person approved is never suppressed."""
    env = waiting()
    verdict = env.accept(ASKED, run_id="another", persons_answer=said(3))
    assert (verdict.action, verdict.numbers["request"]) == ("accept", 4)
    assert decision(env, 3) is None
    env.train()
    assert env.accept().numbers["request"] == 3


def test_only_the_newest_of_several_requests_waits() -> None:
    """Nobody has to say the same twice."""
    env = waiting()
    env.accept()
    env.drift("2013-03")
    assert env.accept().numbers["request"] == 4
    decided = decision(env, 3)
    assert decided is not None
    assert decided.reason == "Request 4, which is newer, waits in its place."


def test_the_rules_hold_before_anybody_is_asked() -> None:
    """Within the cool-down no one is asked; afterwards it is filed again and waits."""
    env = RetrainEnv(mode="approve", cooldown_days=40, min_new_labels=1)
    env.land()
    env.accept()
    env.accept(persons_answer=said(1))
    env.train()
    env.land()
    env.drift("2013-02")
    assert "The cool-down of 40 days lasts" in env.accept().reason
    env.land()
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["request"]) == ("wait", 3)


def test_no_breaker_stops_what_people_approve() -> None:
    """Each of them has looked."""
    env = waiting()
    env.spec = RetrainEnv(
        mode="approve", cooldown_days=0, min_new_labels=1, breaker={"rejected": 1}
    ).spec
    env.accept(persons_answer=said(3))
    env.train("refused")
    env.land()
    env.drift("2013-03")
    assert env.accept().action == "wait"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(3, by=" "), "the person's name"),
        (said(1), "an automatic request"),
        (said(2), "a request that waits"),
    ],
)
def test_an_answer_needs_a_name_and_a_request_that_waits(
    answer: PersonsAnswer, expected: str
) -> None:
    """A person's own request and a decided one cannot be answered."""
    env = waiting()
    env.accept()
    with pytest.raises(BadParameter, match=expected):
        env.accept(persons_answer=answer)
    with pytest.raises(NotFound, match="has no request 9"):
        env.accept(persons_answer=said(9))


def test_the_first_answer_counts() -> None:
    """Another person cannot turn it round."""
    env = waiting()
    env.accept(persons_answer=said(3, "no"))
    with pytest.raises(BadParameter, match="the answer no of ada"):
        env.accept(persons_answer=said(3, "yes", by="grace"))
