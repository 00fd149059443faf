"""The decision adds the recorded windows of one version up, in whatever order they came."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Number, Verdict
from slipway.records.withdrawals import find_withdrawal
from slipway.stages.monitor.performance.decay_sequence import error_numbers
from slipway.stages.monitor.performance.loss import Error
from slipway.stages.monitor.windows.windows import parse_monitored_window
from tests.support.decide_env import ORIGIN, DecideEnv

MONTHS = ("2013-04-v1", "2013-05-v1", "2013-06-v1")


def lost(value: float) -> dict[str, Number]:
    """Numbers of a window that shows no decay alone."""
    return {
        "roc_auc": 0.7,
        "comparator": "constant",
        "drop": value,
        "max_absolute_drop": 0.05,
        **error_numbers("own", Error(0.02, 30.0)),
    }


def measured(*months: str) -> DecideEnv:
    """Months that lost 0.09 each, of which 0.05 are allowed."""
    env = DecideEnv()
    for month in months:
        env.measure(month, "ok", stage="performance", numbers=lost(0.09))
    return env


@pytest.mark.parametrize("order", [MONTHS, MONTHS[::-1], (*MONTHS[1:], MONTHS[0])])
def test_windows_in_any_order_are_one_decision(order: tuple[str, ...]) -> None:
    """They are added up in the order of time, and request what no window does alone."""
    env = measured(*order)
    decided = env.decide()
    assert (decided.action, decided.numbers["kind"]) == ("request", "decay")
    assert decided.numbers["windows_together"] == 3
    [request] = requests.all_requests(env.store, "ferry_delay")
    assert (request.unique, request.reason) == ("decay-2013-06-v1", decided.reason)
    assert env.decide() == decided


def test_too_few_windows_request_nothing_yet() -> None:
    """The decision tells what they have lost so far."""
    decided = measured(*MONTHS[:2]).decide()
    assert decided.action == "nothing"
    assert "over the last 2 windows together the champion is worse by 0.0900" in decided.reason


def test_a_revision_takes_the_place_of_the_first_verdict() -> None:
    """Once late labels show no loss, the request is withdrawn."""
    env = measured(*MONTHS)
    env.decide()
    [request] = requests.all_requests(env.store, "ferry_delay")
    for month in MONTHS[1:]:
        monitored = replace(parse_monitored_window(month, "month"), revision=1)
        revised = Verdict("ok", "Late labels show no loss.", lost(0.0))
        ref = monitored.ref("ferry_delay", "performance")
        perform(RunContext(env.store, ORIGIN), ref, lambda _, it=revised: it, inputs={})
    assert env.decide().action == "nothing"
    assert find_withdrawal(env.store, request) is not None


def test_a_new_champion_has_lost_nothing_yet() -> None:
    """Losses of its predecessor are not added to its own."""
    env = measured(*MONTHS)
    env.registry.aliases["champion"] = 2
    assert env.decide().reason == "No window of version 2 is measured yet."
    env.measure("2013-06-v2", "ok", stage="performance", numbers=lost(0.09))
    decided = env.decide()
    assert decided.action == "nothing"
    assert "windows_together" not in decided.numbers
