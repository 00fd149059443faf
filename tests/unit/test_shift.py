"""Shifting traffic step by step: one canary analysis per step, with three outcomes."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from slipway.errors import (
    BadParameter,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
)
from slipway.records.leases import find_lease
from slipway.spec import ModelSpec
from slipway.spec.deployment import Shift, WithoutTraffic
from tests.support.rollout_env import MODEL, SPEC, STEPPED, RolloutEnv, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_challenger_takes_over_step_by_step(env: RolloutEnv) -> None:
    """A tenth, half, all of the requests; the version before it stays warm."""
    assert env.roll() == STEPPED
    assert env.platform.applied[1:4] == [
        ({3: 0.1, 2: 0.9}, [1]),
        ({3: 0.5, 2: 0.5}, [1]),
        ({3: 1.0}, [2]),
    ]
    assert env.now == pytest.approx(21 + 5)


@pytest.mark.parametrize(
    ("trouble", "action", "reason"),
    [
        ({"failing": {3: 0.5}}, "aborted", "errors"),
        ({"failing": {3: 0.02}}, "inconclusive", "are possible"),
        ({"p99_ms": 5000.0}, "aborted", "its p99 is 5000 ms"),
        ({"broken": {3}}, "aborted", "become ready: no reason was given. Version"),
        ({"live": {3: lambda _: [0.5] * 20}}, "aborted", "differs from the offline prediction"),
        ({"live": {3: lambda _: [0.5]}}, "aborted", "cannot be compared"),
    ],
)
def test_a_failing_candidate_is_aborted(
    env: RolloutEnv, trouble: dict[str, Any], action: str, reason: str
) -> None:
    """The champion has all traffic again, and only its number deploys the version once more."""
    run = verified(env)
    for name, value in trouble.items():
        setattr(env.platform, name, value)
    record = env.shift(run, 10)
    assert record.verdict.action == action
    assert reason in record.verdict.reason
    assert "Version 2 answers every request again." in record.verdict.reason
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == action
    assert env.is_free()
    with pytest.raises(RolloutRefused, match="cannot continue"):
        env.switch(run)
    with pytest.raises(RolloutRefused, match="cannot continue"):
        env.shift(run, 50)
    assert env.roll(holder="run-2") == ["nothing"]
    assert env.reconcile("3", holder="run-3").verdict.action == "roll_out"


def test_the_second_step_is_analysed_too(env: RolloutEnv) -> None:
    """A failure under more traffic is found there."""
    run = verified(env)
    assert env.shift(run, 10).verdict.action == "shifted"
    env.platform.failing = {3: 0.3}
    assert env.shift(run, 50).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}


def test_a_version_with_wrong_answers_is_aborted(env: RolloutEnv) -> None:
    """Its answers are compared at the end of a step, whatever its error rate."""
    run = verified(env)

    def turn(seconds: float) -> None:
        env.platform.live = {3: lambda inputs: [1.0] * inputs.rows}
        RolloutEnv.sleep(env, seconds)

    env.sleep = turn  # type: ignore[method-assign]
    record = env.shift(run, 10)
    assert record.verdict.action == "aborted"
    assert "differs from the offline prediction" in record.verdict.reason
    assert env.weights() == {2: 1.0}


def test_too_few_requests_in_time_are_inconclusive(env: RolloutEnv) -> None:
    """The step ends at its time limit, with the needed number."""
    env.requests_a_second = 0
    record = env.shift(verified(env), 10)
    assert record.verdict.action == "inconclusive"
    assert "asked 0 times, and 209 are needed" in record.verdict.reason
    assert env.now == pytest.approx(3600)
    assert env.registry.tags[3]["slipway.rollout"] == "inconclusive"


@pytest.mark.parametrize(
    ("then", "actions"), [("abort", ["inconclusive"]), ("switch", ["shifted", "shifted"])]
)
def test_without_traffic_the_spec_decides(
    env: RolloutEnv, then: Literal["abort", "switch"], actions: list[str]
) -> None:
    """After the wait that it states; the verdict tells the requests seen and needed."""
    env.spec = idle(then)
    env.requests_a_second, run = 0, verified(env)
    found = [env.shift(run, step).verdict for step in (10, 50)[: len(actions)]]
    assert [verdict.action for verdict in found] == actions
    assert all("asked 0 times, and 209 are needed" in verdict.reason for verdict in found)
    assert env.now == pytest.approx(300 * len(actions))
    if then == "switch":
        assert "After 5 minutes without them it goes on" in found[0].reason
        assert env.switch(run).verdict.action == "switched"


@pytest.mark.parametrize(
    ("trouble", "minutes"),
    [({"failing": {3: 0.02}}, 60), ({"down": True}, 60), ({"p99_ms": 5000.0}, 5)],
)
def test_a_version_in_trouble_never_goes_on_without_traffic(
    env: RolloutEnv, trouble: dict[str, Any], minutes: int
) -> None:
    """One with failures, with slow answers, or whose platform does not answer just then."""
    env.spec = idle("switch")
    run = verified(env)

    def ask_seldom(seconds: float) -> None:
        env.now += seconds
        if env.now == 60:
            env.platform.receive(MODEL, 1000)
            env.platform.down = "down" in trouble

    env.sleep = ask_seldom  # type: ignore[method-assign]
    for name, value in trouble.items():
        if name != "down":
            setattr(env.platform, name, value)
    if "down" in trouble:
        with pytest.raises(PlatformUnavailable):
            env.shift(run, 10)
    else:
        assert env.shift(run, 10).verdict.action == "inconclusive"
    assert env.now == pytest.approx(minutes * 60)


def test_a_version_without_servers_is_aborted(env: RolloutEnv) -> None:
    """The step does not wait an hour for requests that cannot be answered."""
    run = verified(env)

    def fall_ill(seconds: float) -> None:
        env.platform.sick = {3} if env.now >= 5 else set()
        RolloutEnv.sleep(env, seconds)

    env.requests_a_second = 1
    env.sleep = fall_ill  # type: ignore[method-assign]
    record = env.shift(run, 10)
    assert record.verdict.action == "aborted"
    assert "none of its servers could answer for 20 s." in record.verdict.reason
    assert record.verdict.numbers["asked"] == 0
    assert env.weights() == {2: 1.0}
    assert env.now == pytest.approx(5 + 1 + 20, abs=2)


def test_a_short_outage_does_not_abort_a_step(env: RolloutEnv) -> None:
    """A lost node or a restarted platform is no fault of the version."""
    run = verified(env)

    def fall_ill_now_and_then(seconds: float) -> None:
        env.platform.sick = {3} if env.now % 20 > 5 else set()
        env.platform.down = 40 < env.now < 70
        RolloutEnv.sleep(env, seconds)

    env.requests_a_second = 20
    env.sleep = fall_ill_now_and_then  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"
    assert env.now > 100


def test_the_real_share_is_in_the_verdict(env: RolloutEnv) -> None:
    """A tenth of three servers is one of them."""
    run = verified(env)
    env.platform.shares = {3: 1 / 3, 2: 2 / 3}
    first = env.shift(run, 10).verdict
    assert first.numbers["share"] == pytest.approx(1 / 3)
    assert first.numbers["step"] == 10
    assert first.reason.endswith("Its real share was 33%.")
    env.platform.shares = {}
    second = env.shift(run, 50).verdict
    assert second.numbers["share"] == 0.5
    assert "real share" not in second.reason


def test_a_restarted_platform_counts_from_zero(env: RolloutEnv) -> None:
    """Earlier counts are lost, so the step waits for as many requests again."""
    run = verified(env)
    passed: list[float] = []

    def restart_once(seconds: float) -> None:
        passed.append(seconds)
        if len(passed) == 15:
            env.platform.restart(MODEL)
        env.platform.down = 15 <= len(passed) < 18
        RolloutEnv.sleep(env, seconds)

    env.sleep = restart_once  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"
    assert len(passed) == 17 + 21


def test_a_step_logs_its_progress_and_renews_its_lease(
    env: RolloutEnv, caplog: pytest.LogCaptureFixture
) -> None:
    """Every 15 s, while it waits for requests."""
    caplog.set_level("INFO", logger="slipway.stages.rollout.canary_traffic")
    env.requests_a_second = 40
    run = verified(env)
    before = find_lease(env.store, f"rollout-{MODEL}")
    env.shift(run, 10)
    more = "; at least 209 are needed"
    assert [record.getMessage() for record in caplog.records] == [
        f"version 3 at 10 %: 60 requests, 0 failed (version 2: 540, 0 failed), 15 s so far{more}",
        f"version 3 at 10 %: 120 requests, 0 failed (version 2: 1080, 0 failed), 30 s so far{more}",
        f"version 3 at 10 %: 180 requests, 0 failed (version 2: 1620, 0 failed), 45 s so far{more}",
    ]
    after = find_lease(env.store, f"rollout-{MODEL}")
    assert before is not None
    assert after is not None
    assert after.expires_at > before.expires_at


@pytest.mark.parametrize("to", ["previous", "1"])
def test_a_rollback_takes_no_steps(env: RolloutEnv, to: str) -> None:
    """Its cause is worse than moving all traffic at once."""
    run = env.reconcile(to).ref.run
    env.verify(run)
    record = env.shift(run, 10)
    assert record.verdict.action == "unneeded"
    assert env.weights() == {2: 1.0}
    assert env.switch(run).verdict.action == "switched"
    assert env.weights() == {1: 1.0}


def test_the_first_model_takes_no_steps(env: RolloutEnv) -> None:
    """There is no other version to share traffic with."""
    env.registry.aliases = {"challenger": 1}
    env.platform.forget(MODEL)
    run = env.reconcile().ref.run
    env.verify(run)
    assert env.shift(run, 10).verdict.action == "unneeded"


def test_without_steps_all_traffic_moves_at_once(env: RolloutEnv) -> None:
    """A step that was removed from the spec is passed."""
    env.spec = stepless()
    run = verified(env)
    assert env.shift(run, 10).verdict.action == "unneeded"
    assert env.switch(run).verdict.action == "switched"


def test_no_step_is_left_out(env: RolloutEnv) -> None:
    """Neither by starting a later one, nor by a percentage that is no step."""
    run = env.reconcile().ref.run
    with pytest.raises(NotFound, match="verify of delay"):
        env.shift(run, 10)
    env.verify(run)
    for too_early in (lambda: env.shift(run, 50), lambda: env.switch(run)):
        with pytest.raises(NotFound, match="shift_10 of delay rollout-000001 has not finished"):
            too_early()
    with pytest.raises(BadParameter, match="no step of 20 %"):
        env.shift(run, 20)


def test_a_repeat_of_a_step_changes_nothing(env: RolloutEnv) -> None:
    """It returns its record without a request to the platform."""
    run = verified(env)
    first = env.shift(run, 10)
    applied, now = list(env.platform.applied), env.now
    assert env.shift(run, 10) == first
    assert (env.platform.applied, env.now) == (applied, now)


def idle(then: Literal["abort", "switch"]) -> ModelSpec:
    """The model with a short wait for requests."""
    rule = WithoutTraffic(after_minutes=5, then=then)
    shift = SPEC.deployment.shift.model_copy(update={"without_traffic": rule})
    deployment = SPEC.deployment.model_copy(update={"shift": shift})
    return SPEC.model_copy(update={"deployment": deployment})


def stepless() -> ModelSpec:
    """The model without steps."""
    deployment = SPEC.deployment.model_copy(update={"shift": Shift(steps=[])})
    return SPEC.model_copy(update={"deployment": deployment})
