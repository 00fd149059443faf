"""A suppressed request that stays due is accepted in the end, without another window's help."""

from __future__ import annotations

from datetime import timedelta

from slipway.records import requests
from slipway.records.withdrawals import withdraw
from slipway.values.value_types import LATEST
from tests.support import ferry_dataset
from tests.support.retrain_env import ASKED, MODEL, RetrainEnv, trained


def cooling() -> RetrainEnv:
    """A model whose monitor asked within the cool-down."""
    env = trained(cooldown_days=40, min_new_labels=1)
    env.land(20)
    env.drift("2013-02")
    assert env.accept().action == "suppress"
    return env


def test_it_is_asked_again_once_the_cool_down_is_over() -> None:
    """Before, a drift in the cool-down was forgotten unless the next window drifted as well."""
    env = cooling()
    env.land(10)
    assert env.accept().action == "nothing"
    env.land(10)
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["request"]) == ("accept", 3)
    request = env.current()
    assert (request.kind, request.unique) == ("drift", "again-2")
    assert request.reason == "2013-02 drifts It stays due: request 2 was suppressed."


def test_what_the_monitor_withdrew_is_not_asked_again() -> None:
    """The windows are ordinary again."""
    env = cooling()
    withdraw(env.store, requests.read_request(env.store, MODEL, 2), reason="It is over.")
    env.land(60)
    assert env.accept().action == "nothing"


def test_an_undecided_request_that_was_withdrawn_is_suppressed() -> None:
    """It says what the windows say now."""
    env = trained(cooldown_days=0, min_new_labels=1)
    env.land()
    withdraw(env.store, env.drift("2013-02"), reason="none of the last 3 windows is drifting.")
    verdict = env.accept()
    assert verdict.action == "suppress"
    assert verdict.reason == (
        "The monitor asks for it no longer: none of the last 3 windows is drifting."
    )


def test_a_training_since_answers_it() -> None:
    """A person was faster; a dry run is no training."""
    env = cooling()
    env.accept(type(ASKED)("Would it do?", "ada", dry_run=True))
    env.train("dry_run")
    env.accept(ASKED)
    env.train()
    env.land(60)
    assert env.accept().action == "nothing"


def test_a_tick_that_was_suppressed_trains_after_the_cool_down() -> None:
    """Not a month later."""
    env = trained(cron="0 0 1 * *", cooldown_days=50, min_new_labels=1)
    env.land(30)
    assert env.accept().action == "suppress"
    env.land(20)
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "cron")


def test_a_budget_that_was_spent_in_an_absurd_time_frees_itself() -> None:
    """The correction is recorded by a decision, from which the span is counted."""
    env = trained(
        cooldown_days=0, min_new_labels=1, budget={"trainings": 1, "days": 30}, on_batch=True
    )
    rows = ferry_dataset.crossings(days=5, start=env.clock)
    absurd = rows["departs"].where(rows.index < len(rows) - 1, LATEST)
    ferry_dataset.publish(env.tables, rows.assign(departs=absurd), labels=rows)
    assert env.accept().action == "accept"
    env.train("refused")
    ferry_dataset.publish(env.tables, rows, labels=rows)
    env.clock += timedelta(days=5)
    env.land(1)
    assert "is spent until" in env.accept().reason
    env.land(31)
    assert env.accept().action == "accept"
