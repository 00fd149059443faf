"""The monitor's decision: k of the last n windows and the newest make a request, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import NotFound
from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.records.withdrawals import find_withdrawal
from slipway.spec.monitoring import Fire
from slipway.stages.monitor.decide.judge_windows import WindowVerdict, judge_windows, k_of_last_n
from slipway.stages.monitor.windows.windows import parse_monitored_window
from tests.support.decide_env import ORIGIN, DecideEnv
from tests.support.promotions import promoted

ACTIONS = st.lists(st.sampled_from(["ok", "drifting", "inconclusive"]), max_size=8)
FIRES = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(
    lambda pair: Fire(k=min(pair), n=max(pair))
)


@given(ACTIONS, FIRES)
def test_nothing_fires_unless_the_newest_window_does(actions: list[str], fire: Fire) -> None:
    """Earlier violations without the newest window request nothing."""
    assert not k_of_last_n([*actions, "ok"], fire, on="drifting")
    assert not k_of_last_n([*actions, "inconclusive"], fire, on="drifting")


@given(ACTIONS, FIRES)
def test_only_the_last_n_windows_count(actions: list[str], fire: Fire) -> None:
    """Older windows change nothing."""
    longer = ["drifting"] * 5 + (["ok"] * fire.n + actions)[-fire.n :]
    assert k_of_last_n(longer, fire, on="drifting") == k_of_last_n(
        longer[-fire.n :], fire, on="drifting"
    )


@given(ACTIONS, FIRES)
def test_k_windows_fire_and_fewer_do_not(actions: list[str], fire: Fire) -> None:
    """With the newest among them, the count decides."""
    actions = [*actions, "drifting"]
    assert k_of_last_n(actions, fire, on="drifting") == (
        actions[-fire.n :].count("drifting") >= fire.k
    )


def windows(*actions: str) -> list[WindowVerdict]:
    """Verdicts of successive months."""
    return [
        WindowVerdict(f"2013-{month:02d}-v1", action, f"{action} in {month}.", f"record-{month}")
        for month, action in enumerate(actions, start=4)
    ]


def test_decay_speaks_before_drift() -> None:
    """When both fire, one request of kind decay has both reasons."""
    verdict = judge_windows(
        windows("drifting", "drifting", "drifting"), windows("decayed", "decayed"), Fire()
    )
    assert (verdict.action, verdict.numbers["kind"]) == ("request", "decay")
    assert verdict.numbers["window"] == "2013-05-v1"
    assert "2 of the last 2 windows are decayed" in verdict.reason
    assert "3 of the last 3 windows are drifting" in verdict.reason


@pytest.mark.parametrize(
    ("action", "numbers", "level", "told"),
    [
        ("drifting", {"loudest": 1.2, "loudest_limit": 1.0}, "slight", "slight, 1.2 times"),
        ("drifting", {"loudest": 4.2, "loudest_limit": 2.0}, "clear", "clear, 2.1 times"),
        ("drifting", {"loudest": 0.9, "loudest_limit": 1.0}, "clear", "clear"),
        ("drifting", {}, "clear", "clear"),
        ("decayed", {"drop": 0.15, "max_absolute_drop": 0.03}, "severe", "severe, 5.0 times"),
        ("decayed", {"drop": 0.15, "max_absolute_drop": 0.0}, "clear", "clear"),
        (
            "decayed",
            {"drop": 0.04, "drop_lower": -0.01, "max_absolute_drop": 0.03},
            "severe",
            "severe",
        ),
    ],
)
def test_the_severity_of_the_newest_window_is_told(
    action: str, numbers: dict[str, float], level: str, told: str
) -> None:
    """As the number of times that its limit was exceeded, where a number decided."""
    newest = WindowVerdict("2013-05-v1", action, "Why.", "record", numbers)
    drift, performance = ([newest], []) if action == "drifting" else ([], [newest])
    verdict = judge_windows(drift, performance, Fire(k=1, n=1))
    assert verdict.numbers["severity"] == level
    assert f"The newest, 2013-05-v1 ({told}" in verdict.reason


@pytest.mark.parametrize(
    ("drift", "performance", "fire", "why"),
    [
        (
            ("ok", "ok", "drifting"),
            (),
            Fire(),
            "1 of the last 3 windows is drifting, and 2 of 3 are needed, the newest among them",
        ),
        (
            ("drifting",),
            ("ok",),
            Fire(),
            "the newest window is drifting, and 2 of 3 are needed, the newest among them",
        ),
        (
            ("drifting", "drifting", "ok"),
            ("ok", "ok", "ok"),
            Fire(),
            "2 of the last 3 windows are drifting, but not the newest, 2013-06-v1",
        ),
        (
            ("drifting", "ok"),
            ("ok", "decayed"),
            Fire(),
            (
                "1 of the last 2 windows is decayed, and 2 of 3 are needed, the newest among them; "
                "1 of the last 2 windows is drifting, and 2 of 3 are needed, the newest among them"
            ),
        ),
        (
            ("ok", "inconclusive"),
            ("ok",),
            Fire(),
            "none of the last 2 windows is decayed or drifting",
        ),
        (("ok",), (), Fire(k=1, n=1), "the newest window is neither decayed nor drifting"),
    ],
)
def test_the_reason_for_doing_nothing_contradicts_no_verdict(
    drift: tuple[str, ...], performance: tuple[str, ...], fire: Fire, why: str
) -> None:
    """It says what was decided, which windows count for a request, and what lacks."""
    verdict = judge_windows(windows(*drift), windows(*performance), fire)
    assert verdict.action == "nothing"
    assert verdict.reason == f"No retraining is requested: {why}."


def test_two_drifting_windows_file_one_request_with_its_reasons() -> None:
    """The request has kind, numbers, newest window and the place of the record."""
    env = DecideEnv()
    env.measure("2013-04-v1", "drifting")
    assert env.decide().action == "nothing"
    env.measure("2013-05-v1", "drifting")
    verdict = env.decide()
    assert (verdict.action, verdict.numbers["request"]) == ("request", 1)
    [request] = requests.all_requests(env.store, "ferry_delay")
    assert (request.kind, request.unique) == ("drift", "drift-2013-05-v1")
    assert "2013-05-v1 is drifting" in request.reason
    assert request.evidence["record"].endswith("window-2013-05-v1/drift/record.json")


def test_windows_whose_labels_are_missing_do_not_hide_a_decay() -> None:
    """Labels may always come later than the newest window is measured; the others decide."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "decayed", stage="performance")
    waiting = {"predicted": 1240, "labelled": 0}
    env.measure("2013-06-v1", "inconclusive", stage="performance", numbers=waiting)
    verdict = env.decide()
    assert (verdict.action, verdict.numbers["window"]) == ("request", "2013-05-v1")


@pytest.mark.parametrize(
    "numbers",
    [{"predicted": 1240, "labelled": 1240}, {"predicted": 20, "labelled": 0}, {}],
    ids=["labels of one kind", "few predictions", "unreadable"],
)
def test_a_newest_window_that_is_undecided_with_its_labels_counts(
    numbers: dict[str, int],
) -> None:
    """Only the want of labels leaves a window out of what is decided."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "decayed", stage="performance")
    env.measure("2013-06-v1", "inconclusive", stage="performance", numbers=numbers)
    assert env.decide().action == "nothing"


def test_deciding_again_files_nothing_new() -> None:
    """The same verdicts are one decision; a new drifting window is a new request."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "drifting")
    assert env.decide() == env.decide()
    env.measure("2013-05-v1", "ok", stage="performance")
    env.decide()
    assert len(requests.all_requests(env.store, "ferry_delay")) == 1
    env.measure("2013-06-v1", "drifting")
    env.decide()
    assert len(requests.all_requests(env.store, "ferry_delay")) == 2


def test_a_request_is_withdrawn_once_the_windows_no_longer_call_for_it() -> None:
    """Unless a training has begun on it; the reason is what the windows say now."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "drifting")
    env.decide()
    [request] = requests.all_requests(env.store, "ferry_delay")
    requests.decide(env.store, request, action="suppress", reason="By a rule.")
    env.measure("2013-06-v1", "ok")
    env.decide()
    withdrawn = find_withdrawal(env.store, request)
    assert withdrawn is not None
    assert (
        withdrawn.reason == "2 of the last 3 windows are drifting, but not the newest, 2013-06-v1."
    )


def test_a_verdict_that_late_labels_revise_withdraws_the_request() -> None:
    """The newest record of a window counts, and windows may be measured in any order."""
    env = DecideEnv()
    for window in ("2013-05-v1", "2013-04-v1"):
        env.measure(window, "decayed", stage="performance")
    assert env.decide().numbers["kind"] == "decay"
    [request] = requests.all_requests(env.store, "ferry_delay")
    monitored = parse_monitored_window("2013-05-v1", "month")
    revised = Verdict("ok", "Late labels show no loss.")
    ref = replace(monitored, revision=1).ref("ferry_delay", "performance")
    perform(RunContext(env.store, ORIGIN), ref, lambda _: revised, inputs={})
    assert env.decide().action == "nothing"
    withdrawn = find_withdrawal(env.store, request)
    assert withdrawn is not None
    assert withdrawn.reason.startswith("1 of the last 2 windows is decayed")


def test_a_request_that_is_being_worked_on_is_not_withdrawn() -> None:
    """Nor one that a new champion has answered."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "drifting")
    env.decide()
    [request] = requests.all_requests(env.store, "ferry_delay")
    requests.decide(env.store, request, action="accept", reason="By a rule.")
    env.registry.aliases["champion"] = 2
    assert env.decide().reason == "No window of version 2 is measured yet."
    assert find_withdrawal(env.store, request) is None


def test_a_withdrawn_request_is_filed_anew_if_the_windows_call_for_it_again() -> None:
    """A champion that was rolled back and came back has the same windows."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "drifting")
    verdict = env.decide()
    for _ in range(2):
        env.registry.aliases["champion"] = 2
        env.decide()
        env.registry.aliases["champion"] = 1
        assert env.decide() == verdict
        assert env.decide() == verdict
    found = requests.all_requests(env.store, "ferry_delay")
    assert [find_withdrawal(env.store, one) is None for one in found] == [False, False, True]


def test_a_new_champion_starts_with_a_clean_record() -> None:
    """Windows of its predecessor do not count."""
    env = DecideEnv()
    for window in ("2013-04-v1", "2013-05-v1"):
        env.measure(window, "drifting")
    env.registry.aliases["champion"] = 2
    assert env.decide().action == "nothing"


def test_without_a_champion_there_is_nothing_to_decide() -> None:
    """Without a champion no decision is recorded."""
    env = DecideEnv()
    env.registry.aliases.clear()
    assert env.decide().action == "nothing"
    assert env.store.list("runs") == []


def test_a_lost_champion_fails_the_decision() -> None:
    """Case 4: "there is no champion to watch yet" would be false, and green."""
    env = DecideEnv()
    promoted(env.store, "ferry_delay", 1)
    env.registry.aliases.clear()
    with pytest.raises(NotFound, match="cannot be monitored: its champion, version 1, is lost"):
        env.decide()


def test_each_kind_of_window_is_counted_by_its_own_action() -> None:
    """One of three windows is decayed, and two are drifting."""
    verdict = judge_windows(
        windows("drifting", "ok", "drifting"), windows("ok", "decayed", "ok"), Fire(k=2, n=3)
    )
    assert (verdict.numbers["drifting"], verdict.numbers["decayed"]) == (2, 1)
