"""Shifting traffic step by step: one look each, three outcomes, and the way back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from slipway.errors import (
    BadParameter,
    EditedByHand,
    LeaseHeld,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
    Superseded,
)
from slipway.records.leases import find_lease, renew
from slipway.spec import ModelSpec
from slipway.spec.deployment import Shift
from slipway.stages.rollout.platform import Served
from tests.fakes.kill_points import KillableStore, Killed, KillPoint
from tests.support.rollout_env import MODEL, SPEC, RolloutEnv

STEPPED = ["roll_out", "verified", "shifted", "shifted", "switched", "promoted"]


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def verified(env: RolloutEnv) -> str:
    """The run of a rollout of version 3 that may shift now."""
    run = env.reconcile().ref.run
    assert env.verify(run).verdict.action == "verified"
    return run


def test_a_challenger_takes_over_step_by_step(env: RolloutEnv) -> None:
    """A tenth, half, all of the requests; the versions before it stay warm."""
    assert env.roll() == STEPPED
    assert env.platform.applied[1:4] == [
        ({3: 0.1, 2: 0.9}, [1]),
        ({3: 0.5, 2: 0.5}, [1]),
        ({3: 1.0}, [2]),
    ]
    assert env.now == pytest.approx(20 + 4)


@pytest.mark.parametrize(
    ("trouble", "action", "said"),
    [
        ({"failing": {3: 0.5}}, "aborted", "errors"),
        ({"failing": {3: 0.02}}, "inconclusive", "are possible"),
        ({"p99_ms": 5000.0}, "aborted", "its p99 is 5000 ms"),
        ({"broken": {3}}, "aborted", "become ready: no reason was given. Version"),
        ({"live": {3: lambda _: [0.5] * 20}}, "aborted", "differs from the offline prediction"),
        ({"live": {3: lambda _: [0.5]}}, "aborted", "cannot be compared"),
    ],
)
def test_a_candidate_that_does_badly_is_taken_back(
    env: RolloutEnv, trouble: dict[str, Any], action: str, said: str
) -> None:
    """The champion answers everything again, and it takes a person to try the version once more."""
    run = verified(env)
    for name, value in trouble.items():
        setattr(env.platform, name, value)
    record = env.shift(run, 10)
    assert record.verdict.action == action
    assert said in record.verdict.reason
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


def test_the_second_step_looks_too(env: RolloutEnv) -> None:
    """What fails under more traffic is taken back from there."""
    run = verified(env)
    assert env.shift(run, 10).verdict.action == "shifted"
    env.platform.failing = {3: 0.3}
    assert env.shift(run, 50).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}


def test_a_version_that_turns_wrong_while_it_waits_is_taken_back(env: RolloutEnv) -> None:
    """It is compared at the look as well, however well it answers by count."""
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
    """The step ends at its limit, and says how many it needed."""
    env.requests_a_second = 0
    record = env.shift(verified(env), 10)
    assert record.verdict.action == "inconclusive"
    assert "asked 0 times, and 200 are needed" in record.verdict.reason
    assert env.now == pytest.approx(3600)
    assert env.registry.tags[3]["slipway.rollout"] == "inconclusive"


def test_a_version_whose_servers_are_gone_is_taken_back(env: RolloutEnv) -> None:
    """Nobody waits an hour for requests that it cannot answer."""
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


def test_a_version_that_is_back_soon_goes_on(env: RolloutEnv) -> None:
    """A node that was lost, or a platform that starts again, is no fault of the version."""
    run = verified(env)

    def fall_ill_now_and_then(seconds: float) -> None:
        env.platform.sick = {3} if env.now % 20 > 5 else set()
        env.platform.down = 40 < env.now < 70
        RolloutEnv.sleep(env, seconds)

    env.requests_a_second = 20
    env.sleep = fall_ill_now_and_then  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"
    assert env.now > 100


def test_the_real_share_is_shown(env: RolloutEnv) -> None:
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


def test_an_edit_by_hand_ends_a_step(env: RolloutEnv) -> None:
    """It is reported, and not overwritten; undone, the same step goes on."""
    run = verified(env)

    def edit(seconds: float) -> None:
        env.platform.edited = "weights 3: 900 instead of 100, set by kubectl-edit"
        env.platform.has_edited_traffic = True
        RolloutEnv.sleep(env, seconds)

    env.sleep = edit  # type: ignore[method-assign]
    with pytest.raises(EditedByHand, match="edited by hand") as caught:
        env.shift(run, 10)
    assert "kubectl-edit" in str(caught.value)
    assert env.weights() == {3: 0.1, 2: 0.9}
    with pytest.raises(EditedByHand):
        env.reconcile(holder="run-2")
    env.platform.edited, env.platform.has_edited_traffic = None, False
    del env.sleep  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"


def test_a_platform_that_took_long_to_fail_is_not_asked_again(env: RolloutEnv) -> None:
    """What it waited for in vain will not come the third time either."""
    run = verified(env)
    apply, tried = env.platform.apply, []

    def fail_slowly(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            env.now += 240
            raise PlatformUnavailable("the servers do not become ready", found="0 of 2")
        apply(model, weights=weights, **words)

    env.platform.apply = fail_slowly  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "aborted"
    assert len(tried) == 1
    assert env.weights() == {2: 1.0}


def test_counting_begins_anew_on_a_platform_that_was_started_again(env: RolloutEnv) -> None:
    """The count from before is gone, so the step waits for as many requests again."""
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
    assert len(passed) == 17 + 20


def test_a_step_tells_how_far_it_is_and_keeps_its_lease(
    env: RolloutEnv, caplog: pytest.LogCaptureFixture
) -> None:
    """Every quarter of a minute, while it waits for requests."""
    caplog.set_level("INFO", logger="slipway.stages.rollout.shift")
    env.requests_a_second = 40
    run = verified(env)
    before = find_lease(env.store, f"rollout-{MODEL}")
    env.shift(run, 10)
    assert [record.getMessage() for record in caplog.records] == [
        "version 3 at 10 %: 60 of 200 requests, 0 failed, 15 s so far",
        "version 3 at 10 %: 120 of 200 requests, 0 failed, 30 s so far",
        "version 3 at 10 %: 180 of 200 requests, 0 failed, 45 s so far",
    ]
    after = find_lease(env.store, f"rollout-{MODEL}")
    assert before is not None
    assert after is not None
    assert after.expires_at > before.expires_at


@pytest.mark.parametrize("to", ["previous", "1"])
def test_a_way_back_takes_no_steps(env: RolloutEnv, to: str) -> None:
    """Whatever makes it urgent is worse than moving all at once."""
    run = env.reconcile(to).ref.run
    env.verify(run)
    record = env.shift(run, 10)
    assert record.verdict.action == "unneeded"
    assert env.weights() == {2: 1.0}
    assert env.switch(run).verdict.action == "switched"
    assert env.weights() == {1: 1.0}


def test_the_first_model_takes_no_steps(env: RolloutEnv) -> None:
    """There is nobody to share the requests with."""
    env.registry.aliases = {"challenger": 1}
    env.platform.forget(MODEL)
    run = env.reconcile().ref.run
    env.verify(run)
    assert env.shift(run, 10).verdict.action == "unneeded"


def test_without_steps_all_traffic_moves_at_once(env: RolloutEnv) -> None:
    """A step that a spec has given up is passed."""
    env.spec = stepless()
    run = verified(env)
    assert env.shift(run, 10).verdict.action == "unneeded"
    assert env.switch(run).verdict.action == "switched"


def test_no_step_is_left_out(env: RolloutEnv) -> None:
    """Neither by starting a later one, nor by a share that is no step."""
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
    """It returns its record, and nobody is asked again."""
    run = verified(env)
    first = env.shift(run, 10)
    applied, now = list(env.platform.applied), env.now
    assert env.shift(run, 10) == first
    assert (env.platform.applied, env.now) == (applied, now)


@pytest.mark.parametrize("acts", range(12))
def test_a_step_killed_before_any_act_goes_on(acts: int) -> None:
    """However far it had come, the repeat ends as it would have ended."""
    store = KillableStore()
    env = RolloutEnv(store=store)
    env.registry.aliases["challenger"] = 3
    run = verified(env)
    env.platform.failing = {3: 0.5}
    kill_before_acts(env, store)
    store.kill_point = KillPoint(acts)
    with suppress(Killed):
        env.shift(run, 10)
    was_killed, store.kill_point = store.kill_point.seen == acts, KillPoint()
    assert was_killed or acts == 11
    assert env.shift(run, 10).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "aborted"
    assert env.is_free()


def test_a_look_that_was_taken_stands(env: RolloutEnv) -> None:
    """Killed while it puts the champion back, a step does not look a second time."""
    run = verified(env)
    env.platform.failing = {3: 0.5}
    env.registry.tag = _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    del env.registry.tag  # type: ignore[method-assign]
    env.platform.failing = {}
    applied = len(env.platform.applied)
    assert env.shift(run, 10).verdict.action == "aborted"
    assert [weights for weights, _ in env.platform.applied[applied:]] == [{2: 1.0}]


def test_a_platform_that_is_down_takes_no_step(env: RolloutEnv) -> None:
    """If the champion cannot be put back either there is no verdict, and a retry goes on."""
    run = verified(env)
    env.platform.down = True
    with pytest.raises(PlatformUnavailable):
        env.shift(run, 10)
    env.platform.down = False
    assert env.shift(run, 10).verdict.action == "shifted"


def test_an_abandoned_step_is_repaired_and_begun_again(env: RolloutEnv) -> None:
    """The next run says what it found, puts the champion back, and the one after rolls out."""
    run = verified(env)
    env.shift(run, 10)
    with pytest.raises(LeaseHeld):
        env.reconcile(holder="run-2")
    assert env.weights() == {3: 0.1, 2: 0.9}
    abandon(env)
    record = env.reconcile(holder="run-2")
    assert record.verdict.action == "repair"
    said = "version 3 shares the traffic with version 2 since an unfinished rollout."
    assert record.verdict.reason == said
    assert env.weights() == {2: 1.0}
    for stage in (env.verify, env.switch, env.promote):
        stage(record.ref.run)
    assert env.roll(holder="run-3") == STEPPED


def test_the_same_run_goes_on_where_it_stopped(env: RolloutEnv) -> None:
    """A task that is cleared finds the lease its own, and the steps that were done."""
    env.shift(verified(env), 10)
    assert env.roll() == STEPPED
    assert [weights for weights, _ in env.platform.applied].count({3: 0.1, 2: 0.9}) == 1


def test_a_way_back_takes_over_from_a_waiting_step(env: RolloutEnv) -> None:
    """The champion answers everything at once; the step may not go on; the version stays back."""
    run = verified(env)

    def roll_back_once(seconds: float) -> None:
        if env.now == 0:
            assert env.weights() == {3: 0.1, 2: 0.9}
            taken = env.reconcile("previous", holder="person")
            assert taken.verdict.action == "repair"
            assert "a return from that was asked for" in taken.verdict.reason
            assert env.weights() == {2: 1.0}
        RolloutEnv.sleep(env, seconds)

    env.sleep = roll_back_once  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        env.shift(run, 10)
    with pytest.raises(Superseded):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "rolled_back"
    later = env.roll("previous", holder="person")
    assert later == ["repair", "verified", "switched", "promoted"]
    assert env.registry.aliases == {"champion": 2, "previous": 1, "challenger": 3}
    assert env.roll(holder="run-2") == ["nothing"]


def test_a_way_back_does_not_wait_for_a_verification(env: RolloutEnv) -> None:
    """Nothing is shared yet, so it leads to the previous champion; the challenger is not blamed."""
    run = verified(env)
    assert env.roll("previous", holder="person") == [
        *("roll_back", "verified", "switched", "promoted")
    ]
    with pytest.raises(Superseded):
        env.shift(run, 10)
    assert env.registry.aliases == {"champion": 1, "challenger": 3}
    assert env.registry.tags[3]["slipway.rollout"] == "verified"


@pytest.mark.parametrize("to", ["challenger", "1"])
def test_nothing_else_takes_over(env: RolloutEnv, to: str) -> None:
    """Only the way back is worth an unfinished rollout."""
    env.shift(verified(env), 10)
    with pytest.raises(LeaseHeld):
        env.reconcile(to, holder="run-2")
    assert env.weights() == {3: 0.1, 2: 0.9}


def test_a_rollout_that_has_switched_is_not_taken_over(env: RolloutEnv) -> None:
    """It is over in a moment, and its aliases shall not move behind a way back."""
    env.switch(env.until_switch())
    with pytest.raises(LeaseHeld):
        env.reconcile("previous", holder="person")


def test_a_way_back_goes_no_further_than_it_was_asked_to(env: RolloutEnv) -> None:
    """If the version was taken back meanwhile, the champion does not pay for it."""
    run = verified(env)
    env.shift(run, 10)
    look_again = env.platform.served
    in_force = [look_again(MODEL), Served({2: 1.0}, {2: True}, (1,), 1)]
    env.platform.served = lambda _: in_force.pop(0)  # type: ignore[method-assign]
    record = env.reconcile("previous", holder="person")
    assert record.verdict.action == "nothing"
    assert "was taken back meanwhile" in record.verdict.reason
    assert env.registry.aliases["champion"] == 2
    assert env.is_free()


def stepless() -> ModelSpec:
    """The model, whose traffic moves all at once."""
    deployment = SPEC.deployment.model_copy(update={"shift": Shift(steps=[])})
    return SPEC.model_copy(update={"deployment": deployment})


def abandon(env: RolloutEnv) -> None:
    """Let the lease of the rollout in flight run out."""
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    renew(env.store, lease, seconds=-1)


def kill_before_acts(env: RolloutEnv, store: KillableStore) -> None:
    """Let the kill_point of a store count changes of traffic and tags as well."""
    apply, tag = env.platform.apply, env.registry.tag

    def fused_apply(*args: Any, **words: Any) -> None:
        store.kill_point.count_write()
        apply(*args, **words)

    def fused_tag(*args: Any) -> None:
        store.kill_point.count_write()
        tag(*args)

    env.platform.apply = fused_apply  # type: ignore[method-assign]
    env.registry.tag = fused_tag  # type: ignore[method-assign]


def _killed(*_: object) -> None:
    raise Killed


def test_a_platform_that_is_away_for_a_moment_is_tried_again(env: RolloutEnv) -> None:
    """One refused write aborts nothing."""
    run = verified(env)
    apply, tried = env.platform.apply, []

    def fail_once(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            if len(tried) == 1:
                raise PlatformUnavailable("the platform does not answer")
        apply(model, weights=weights, **words)

    env.platform.apply = fail_once  # type: ignore[method-assign]
    env.now = 1000.0
    assert env.shift(run, 10).verdict.action == "shifted"
    assert len(tried) == 2
