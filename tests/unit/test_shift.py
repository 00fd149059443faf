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
from tests.fakes.kill_points import Fuse, Killed, MortalStore
from tests.support.rollout_env import MODEL, SPEC, RolloutEnv

STEPPED = ["roll_out", "verified", "shifted", "shifted", "switched", "promoted"]


@pytest.fixture
def yard() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def verified(yard: RolloutEnv) -> str:
    """The run of a rollout of version 3 that may shift now."""
    run = yard.reconcile().ref.run
    assert yard.verify(run).verdict.action == "verified"
    return run


def test_a_challenger_takes_over_step_by_step(yard: RolloutEnv) -> None:
    """A tenth, half, all of the requests; the versions before it stay warm."""
    assert yard.roll() == STEPPED
    assert yard.platform.applied[1:4] == [
        ({3: 0.1, 2: 0.9}, [1]),
        ({3: 0.5, 2: 0.5}, [1]),
        ({3: 1.0}, [2]),
    ]
    assert yard.now == pytest.approx(20 + 4)


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
    yard: RolloutEnv, trouble: dict[str, Any], action: str, said: str
) -> None:
    """The champion answers everything again, and it takes a person to try the version once more."""
    run = verified(yard)
    for name, value in trouble.items():
        setattr(yard.platform, name, value)
    record = yard.shift(run, 10)
    assert record.verdict.action == action
    assert said in record.verdict.reason
    assert "Version 2 answers every request again." in record.verdict.reason
    assert yard.weights() == {2: 1.0}
    assert yard.registry.tags[3]["slipway.rollout"] == action
    assert yard.is_free()
    with pytest.raises(RolloutRefused, match="cannot continue"):
        yard.switch(run)
    with pytest.raises(RolloutRefused, match="cannot continue"):
        yard.shift(run, 50)
    assert yard.roll(holder="run-2") == ["nothing"]
    assert yard.reconcile("3", holder="run-3").verdict.action == "roll_out"


def test_the_second_step_looks_too(yard: RolloutEnv) -> None:
    """What fails under more traffic is taken back from there."""
    run = verified(yard)
    assert yard.shift(run, 10).verdict.action == "shifted"
    yard.platform.failing = {3: 0.3}
    assert yard.shift(run, 50).verdict.action == "aborted"
    assert yard.weights() == {2: 1.0}


def test_a_version_that_turns_wrong_while_it_waits_is_taken_back(yard: RolloutEnv) -> None:
    """It is compared at the look as well, however well it answers by count."""
    run = verified(yard)

    def turn(seconds: float) -> None:
        yard.platform.live = {3: lambda inputs: [1.0] * inputs.rows}
        RolloutEnv.sleep(yard, seconds)

    yard.sleep = turn  # type: ignore[method-assign]
    record = yard.shift(run, 10)
    assert record.verdict.action == "aborted"
    assert "differs from the offline prediction" in record.verdict.reason
    assert yard.weights() == {2: 1.0}


def test_too_few_requests_in_time_are_inconclusive(yard: RolloutEnv) -> None:
    """The step ends at its limit, and says how many it needed."""
    yard.requests_a_second = 0
    record = yard.shift(verified(yard), 10)
    assert record.verdict.action == "inconclusive"
    assert "asked 0 times, and 200 are needed" in record.verdict.reason
    assert yard.now == pytest.approx(3600)
    assert yard.registry.tags[3]["slipway.rollout"] == "inconclusive"


def test_a_version_whose_servers_are_gone_is_taken_back(yard: RolloutEnv) -> None:
    """Nobody waits an hour for requests that it cannot answer."""
    run = verified(yard)

    def fall_ill(seconds: float) -> None:
        yard.platform.sick = {3} if yard.now >= 5 else set()
        RolloutEnv.sleep(yard, seconds)

    yard.requests_a_second = 1
    yard.sleep = fall_ill  # type: ignore[method-assign]
    record = yard.shift(run, 10)
    assert record.verdict.action == "aborted"
    assert "none of its servers could answer for 20 s." in record.verdict.reason
    assert record.verdict.numbers["asked"] == 0
    assert yard.weights() == {2: 1.0}
    assert yard.now == pytest.approx(5 + 1 + 20, abs=2)


def test_a_version_that_is_back_soon_goes_on(yard: RolloutEnv) -> None:
    """A node that was lost, or a platform that starts again, is no fault of the version."""
    run = verified(yard)

    def fall_ill_now_and_then(seconds: float) -> None:
        yard.platform.sick = {3} if yard.now % 20 > 5 else set()
        yard.platform.down = 40 < yard.now < 70
        RolloutEnv.sleep(yard, seconds)

    yard.requests_a_second = 20
    yard.sleep = fall_ill_now_and_then  # type: ignore[method-assign]
    assert yard.shift(run, 10).verdict.action == "shifted"
    assert yard.now > 100


def test_the_real_share_is_shown(yard: RolloutEnv) -> None:
    """A tenth of three servers is one of them."""
    run = verified(yard)
    yard.platform.shares = {3: 1 / 3, 2: 2 / 3}
    first = yard.shift(run, 10).verdict
    assert first.numbers["share"] == pytest.approx(1 / 3)
    assert first.numbers["step"] == 10
    assert first.reason.endswith("Its real share was 33%.")
    yard.platform.shares = {}
    second = yard.shift(run, 50).verdict
    assert second.numbers["share"] == 0.5
    assert "real share" not in second.reason


def test_an_edit_by_hand_ends_a_step(yard: RolloutEnv) -> None:
    """It is reported, and not overwritten; undone, the same step goes on."""
    run = verified(yard)

    def edit(seconds: float) -> None:
        yard.platform.edited = "weights 3: 900 instead of 100, set by kubectl-edit"
        yard.platform.has_edited_traffic = True
        RolloutEnv.sleep(yard, seconds)

    yard.sleep = edit  # type: ignore[method-assign]
    with pytest.raises(EditedByHand, match="edited by hand") as caught:
        yard.shift(run, 10)
    assert "kubectl-edit" in str(caught.value)
    assert yard.weights() == {3: 0.1, 2: 0.9}
    with pytest.raises(EditedByHand):
        yard.reconcile(holder="run-2")
    yard.platform.edited, yard.platform.has_edited_traffic = None, False
    del yard.sleep  # type: ignore[method-assign]
    assert yard.shift(run, 10).verdict.action == "shifted"


def test_a_platform_that_took_long_to_fail_is_not_asked_again(yard: RolloutEnv) -> None:
    """What it waited for in vain will not come the third time either."""
    run = verified(yard)
    apply, tried = yard.platform.apply, []

    def fail_slowly(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            yard.now += 240
            raise PlatformUnavailable("the servers do not become ready", found="0 of 2")
        apply(model, weights=weights, **words)

    yard.platform.apply = fail_slowly  # type: ignore[method-assign]
    assert yard.shift(run, 10).verdict.action == "aborted"
    assert len(tried) == 1
    assert yard.weights() == {2: 1.0}


def test_counting_begins_anew_on_a_platform_that_was_started_again(yard: RolloutEnv) -> None:
    """The count from before is gone, so the step waits for as many requests again."""
    run = verified(yard)
    passed: list[float] = []

    def restart_once(seconds: float) -> None:
        passed.append(seconds)
        if len(passed) == 15:
            yard.platform.restart(MODEL)
        yard.platform.down = 15 <= len(passed) < 18
        RolloutEnv.sleep(yard, seconds)

    yard.sleep = restart_once  # type: ignore[method-assign]
    assert yard.shift(run, 10).verdict.action == "shifted"
    assert len(passed) == 17 + 20


def test_a_step_tells_how_far_it_is_and_keeps_its_lease(
    yard: RolloutEnv, caplog: pytest.LogCaptureFixture
) -> None:
    """Every quarter of a minute, while it waits for requests."""
    caplog.set_level("INFO", logger="slipway.stages.rollout.shift")
    yard.requests_a_second = 40
    run = verified(yard)
    before = find_lease(yard.store, f"rollout-{MODEL}")
    yard.shift(run, 10)
    assert [record.getMessage() for record in caplog.records] == [
        "version 3 at 10 %: 60 of 200 requests, 0 failed, 15 s so far",
        "version 3 at 10 %: 120 of 200 requests, 0 failed, 30 s so far",
        "version 3 at 10 %: 180 of 200 requests, 0 failed, 45 s so far",
    ]
    after = find_lease(yard.store, f"rollout-{MODEL}")
    assert before is not None
    assert after is not None
    assert after.expires_at > before.expires_at


@pytest.mark.parametrize("to", ["previous", "1"])
def test_a_way_back_takes_no_steps(yard: RolloutEnv, to: str) -> None:
    """Whatever makes it urgent is worse than moving all at once."""
    run = yard.reconcile(to).ref.run
    yard.verify(run)
    record = yard.shift(run, 10)
    assert record.verdict.action == "unneeded"
    assert yard.weights() == {2: 1.0}
    assert yard.switch(run).verdict.action == "switched"
    assert yard.weights() == {1: 1.0}


def test_the_first_model_takes_no_steps(yard: RolloutEnv) -> None:
    """There is nobody to share the requests with."""
    yard.registry.aliases = {"challenger": 1}
    yard.platform.forget(MODEL)
    run = yard.reconcile().ref.run
    yard.verify(run)
    assert yard.shift(run, 10).verdict.action == "unneeded"


def test_without_steps_all_traffic_moves_at_once(yard: RolloutEnv) -> None:
    """A step that a spec has given up is passed."""
    yard.spec = stepless()
    run = verified(yard)
    assert yard.shift(run, 10).verdict.action == "unneeded"
    assert yard.switch(run).verdict.action == "switched"


def test_no_step_is_left_out(yard: RolloutEnv) -> None:
    """Neither by starting a later one, nor by a share that is no step."""
    run = yard.reconcile().ref.run
    with pytest.raises(NotFound, match="verify of delay"):
        yard.shift(run, 10)
    yard.verify(run)
    for too_early in (lambda: yard.shift(run, 50), lambda: yard.switch(run)):
        with pytest.raises(NotFound, match="shift_10 of delay rollout-000001 has not finished"):
            too_early()
    with pytest.raises(BadParameter, match="no step of 20 %"):
        yard.shift(run, 20)


def test_a_repeat_of_a_step_changes_nothing(yard: RolloutEnv) -> None:
    """It returns its record, and nobody is asked again."""
    run = verified(yard)
    first = yard.shift(run, 10)
    applied, now = list(yard.platform.applied), yard.now
    assert yard.shift(run, 10) == first
    assert (yard.platform.applied, yard.now) == (applied, now)


@pytest.mark.parametrize("acts", range(12))
def test_a_step_killed_before_any_act_goes_on(acts: int) -> None:
    """However far it had come, the repeat ends as it would have ended."""
    store = MortalStore()
    yard = RolloutEnv(store=store)
    yard.registry.aliases["challenger"] = 3
    run = verified(yard)
    yard.platform.failing = {3: 0.5}
    kill_before_acts(yard, store)
    store.fuse = Fuse(acts)
    with suppress(Killed):
        yard.shift(run, 10)
    was_killed, store.fuse = store.fuse.seen == acts, Fuse()
    assert was_killed or acts == 11
    assert yard.shift(run, 10).verdict.action == "aborted"
    assert yard.weights() == {2: 1.0}
    assert yard.registry.tags[3]["slipway.rollout"] == "aborted"
    assert yard.is_free()


def test_a_look_that_was_taken_stands(yard: RolloutEnv) -> None:
    """Killed while it puts the champion back, a step does not look a second time."""
    run = verified(yard)
    yard.platform.failing = {3: 0.5}
    yard.registry.tag = _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        yard.shift(run, 10)
    assert yard.weights() == {2: 1.0}
    del yard.registry.tag  # type: ignore[method-assign]
    yard.platform.failing = {}
    applied = len(yard.platform.applied)
    assert yard.shift(run, 10).verdict.action == "aborted"
    assert [weights for weights, _ in yard.platform.applied[applied:]] == [{2: 1.0}]


def test_a_platform_that_is_down_takes_no_step(yard: RolloutEnv) -> None:
    """If the champion cannot be put back either there is no verdict, and a retry goes on."""
    run = verified(yard)
    yard.platform.down = True
    with pytest.raises(PlatformUnavailable):
        yard.shift(run, 10)
    yard.platform.down = False
    assert yard.shift(run, 10).verdict.action == "shifted"


def test_an_abandoned_step_is_repaired_and_begun_again(yard: RolloutEnv) -> None:
    """The next run says what it found, puts the champion back, and the one after rolls out."""
    run = verified(yard)
    yard.shift(run, 10)
    with pytest.raises(LeaseHeld):
        yard.reconcile(holder="run-2")
    assert yard.weights() == {3: 0.1, 2: 0.9}
    abandon(yard)
    record = yard.reconcile(holder="run-2")
    assert record.verdict.action == "repair"
    said = "version 3 shares the traffic with version 2 since an unfinished rollout."
    assert record.verdict.reason == said
    assert yard.weights() == {2: 1.0}
    for stage in (yard.verify, yard.switch, yard.promote):
        stage(record.ref.run)
    assert yard.roll(holder="run-3") == STEPPED


def test_the_same_run_goes_on_where_it_stopped(yard: RolloutEnv) -> None:
    """A task that is cleared finds the lease its own, and the steps that were done."""
    yard.shift(verified(yard), 10)
    assert yard.roll() == STEPPED
    assert [weights for weights, _ in yard.platform.applied].count({3: 0.1, 2: 0.9}) == 1


def test_a_way_back_takes_over_from_a_waiting_step(yard: RolloutEnv) -> None:
    """The champion answers everything at once; the step may not go on; the version stays back."""
    run = verified(yard)

    def roll_back_once(seconds: float) -> None:
        if yard.now == 0:
            assert yard.weights() == {3: 0.1, 2: 0.9}
            taken = yard.reconcile("previous", holder="person")
            assert taken.verdict.action == "repair"
            assert "a return from that was asked for" in taken.verdict.reason
            assert yard.weights() == {2: 1.0}
        RolloutEnv.sleep(yard, seconds)

    yard.sleep = roll_back_once  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        yard.shift(run, 10)
    with pytest.raises(Superseded):
        yard.shift(run, 10)
    assert yard.weights() == {2: 1.0}
    assert yard.registry.tags[3]["slipway.rollout"] == "rolled_back"
    later = yard.roll("previous", holder="person")
    assert later == ["repair", "verified", "switched", "promoted"]
    assert yard.registry.aliases == {"champion": 2, "previous": 1, "challenger": 3}
    assert yard.roll(holder="run-2") == ["nothing"]


def test_a_way_back_does_not_wait_for_a_verification(yard: RolloutEnv) -> None:
    """Nothing is shared yet, so it leads to the previous champion; the challenger is not blamed."""
    run = verified(yard)
    assert yard.roll("previous", holder="person") == [
        *("roll_back", "verified", "switched", "promoted")
    ]
    with pytest.raises(Superseded):
        yard.shift(run, 10)
    assert yard.registry.aliases == {"champion": 1, "challenger": 3}
    assert yard.registry.tags[3]["slipway.rollout"] == "verified"


@pytest.mark.parametrize("to", ["challenger", "1"])
def test_nothing_else_takes_over(yard: RolloutEnv, to: str) -> None:
    """Only the way back is worth an unfinished rollout."""
    yard.shift(verified(yard), 10)
    with pytest.raises(LeaseHeld):
        yard.reconcile(to, holder="run-2")
    assert yard.weights() == {3: 0.1, 2: 0.9}


def test_a_rollout_that_has_switched_is_not_taken_over(yard: RolloutEnv) -> None:
    """It is over in a moment, and its aliases shall not move behind a way back."""
    yard.switch(yard.until_switch())
    with pytest.raises(LeaseHeld):
        yard.reconcile("previous", holder="person")


def test_a_way_back_goes_no_further_than_it_was_asked_to(yard: RolloutEnv) -> None:
    """If the version was taken back meanwhile, the champion does not pay for it."""
    run = verified(yard)
    yard.shift(run, 10)
    look_again = yard.platform.served
    in_force = [look_again(MODEL), Served({2: 1.0}, {2: True}, (1,), 1)]
    yard.platform.served = lambda _: in_force.pop(0)  # type: ignore[method-assign]
    record = yard.reconcile("previous", holder="person")
    assert record.verdict.action == "nothing"
    assert "was taken back meanwhile" in record.verdict.reason
    assert yard.registry.aliases["champion"] == 2
    assert yard.is_free()


def stepless() -> ModelSpec:
    """The model, whose traffic moves all at once."""
    deployment = SPEC.deployment.model_copy(update={"shift": Shift(steps=[])})
    return SPEC.model_copy(update={"deployment": deployment})


def abandon(yard: RolloutEnv) -> None:
    """Let the lease of the rollout in flight run out."""
    lease = find_lease(yard.store, f"rollout-{MODEL}")
    assert lease is not None
    renew(yard.store, lease, seconds=-1)


def kill_before_acts(yard: RolloutEnv, store: MortalStore) -> None:
    """Let the fuse of a store count changes of traffic and tags as well."""
    apply, tag = yard.platform.apply, yard.registry.tag

    def fused_apply(*args: Any, **words: Any) -> None:
        store.fuse.burn()
        apply(*args, **words)

    def fused_tag(*args: Any) -> None:
        store.fuse.burn()
        tag(*args)

    yard.platform.apply = fused_apply  # type: ignore[method-assign]
    yard.registry.tag = fused_tag  # type: ignore[method-assign]


def _killed(*_: object) -> None:
    raise Killed


def test_a_platform_that_is_away_for_a_moment_is_tried_again(yard: RolloutEnv) -> None:
    """One refused write aborts nothing."""
    run = verified(yard)
    apply, tried = yard.platform.apply, []

    def fail_once(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            if len(tried) == 1:
                raise PlatformUnavailable("the platform does not answer")
        apply(model, weights=weights, **words)

    yard.platform.apply = fail_once  # type: ignore[method-assign]
    yard.now = 1000.0
    assert yard.shift(run, 10).verdict.action == "shifted"
    assert len(tried) == 2
