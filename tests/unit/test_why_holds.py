"""Every sentence of `slipway why` holds, whatever rollouts, kills and hands led to the state."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.errors import BadParameter
from tests.support.rollout_env import MODEL
from tests.support.why.checks import hold
from tests.support.why.life import COMMON_EVENTS, EVENTS, Life


@settings(max_examples=100)
@given(events=st.lists(st.sampled_from(sorted(EVENTS)), max_size=7), is_over=st.booleans())
@example(
    events=[
        *("a rollback killed after 18 writes", "the alias champion moved back"),
        "a rollout killed after 50 writes",
    ],
    is_over=False,
)
def test_every_sentence_holds(events: list[str], *, is_over: bool) -> None:
    """Each line is held against registry, platform and ledger, and against the next reconcile."""
    life = Life()
    for event in events:
        EVENTS[event](life)
    if is_over:
        life.end_lease()
    hold(life)


@settings(max_examples=100)
@given(events=st.lists(st.sampled_from(COMMON_EVENTS), min_size=3, max_size=10))
@example(events=["a canary that is rolled back", "a rollback"])
@example(events=["the champion deleted", "a canary that is rolled back"])
@example(events=[*["a challenger", "a rollout"] * 2, "MLflow stops", "a rollback", "a rollback"])
def test_every_sentence_holds_after_longer_lives(events: list[str]) -> None:
    """Champions that come and go, by rollouts, hands, and while MLflow is stopped."""
    life = Life()
    for event in events:
        EVENTS[event](life)
    hold(life)


def test_every_promotion_of_a_version_counts() -> None:
    """Versions that were champion before, by the ledger, and again by a hand's alias."""
    life = Life()
    life.roll("1")
    life.roll("2")
    life.roll("1")
    life.challenge()
    life.roll()
    assert life.env.weights() == {5: 1.0}
    life.env.registry.aliases["champion"] = 1
    [told] = life.lines()["Since"]
    assert told.startswith("by the ledger version 5 is champion since ")
    assert told.endswith(". Version 1 was champion before, until rollout-000004.")
    life.env.registry.aliases["champion"] = 3
    assert life.lines()["Since"][0].startswith("the ledger has no promotion of version 3; its")


def test_a_rollback_without_mlflow_is_told_with_its_completion() -> None:
    """The traffic has moved, and the ledger's champion is still the one of before."""
    life = Life()
    for _ in range(2):
        life.challenge()
        life.roll()
    life.mlflow.answers = False
    life.roll("previous")
    assert life.env.weights() == {5: 1.0}
    life.end_lease()
    [told] = life.lines()["Since"]
    assert told.startswith("by the ledger version 6 is champion since ")
    assert "Since then rollout-000003, a rollback, has moved the traffic to version 5 (" in told
    assert "; it is completed by the next deploy once MLflow answers." in told
    assert told.endswith("Version 5 was champion before, until rollout-000002.")
    [following] = life.lines()["Next"]
    assert following.startswith("deploy completes rollout-000003 first, once MLflow answers; ")
    hold(life)


@pytest.mark.parametrize("to", ["challenger", "previous"])
def test_every_sentence_holds_after_a_kill_at_each_write(to: str) -> None:
    """Case 1: a stopped rollout is told as stopped, and what the next deploy does about it."""
    undisturbed = Life()
    undisturbed.challenge()
    undisturbed.fuse.seen = 0
    undisturbed.roll(to)
    assert undisturbed.fuse.seen > 20
    for writes in range(undisturbed.fuse.seen):
        for is_over in (True, False):
            life = Life()
            life.challenge()
            life.killed(writes, to)
            if is_over:
                life.end_lease()
            hold(life)


def test_a_deleted_alias_comes_back_by_a_rollout_of_its_version() -> None:
    """Case 4: the way out that `why` names leads out, and serving goes on meanwhile."""
    life = Life()
    del life.env.registry.aliases["champion"]
    life.env.reconcile()
    assert life.env.weights() == {2: 1.0}
    assert "run delay__deploy with `to` set to 2" in life.lines()["Lost"][0]
    life.roll("2")
    assert life.env.registry.aliases["champion"] == 2
    assert "Lost" not in life.lines()


def test_the_verdict_of_deploy_tells_a_lost_champion() -> None:
    """Case 4: "there is no challenger" alone hides why nothing is done."""
    life = Life()
    life.env.registry.delete_version(2)
    verdict = life.env.reconcile().verdict
    assert verdict.action == "nothing"
    assert "The champion, version 2, is lost: MLflow has no version 2" in verdict.reason


@pytest.mark.parametrize("alias", ["previous", "champion"])
def test_a_rollback_without_its_version_says_which_is_lost(alias: str) -> None:
    """Case 4: "there is no previous champion" would be false, and its hint too."""
    life = Life()
    life.challenge()
    life.roll()
    life.env.registry.delete_version(2)
    if alias == "champion":
        life.env.registry.delete_version(5)
    with pytest.raises(BadParameter) as refused:
        life.env.reconcile("previous", holder="a person")
    assert refused.value.message == (
        "cannot roll back: the previous champion, version 2, is lost: "
        "MLflow has no version 2 of delay"
    )
    assert "run delay__deploy with a number" in str(refused.value.hint)


def test_a_deleted_champion_is_replaced_by_a_rollback() -> None:
    """Case 4: the second way out."""
    life = Life()
    life.env.registry.delete_version(2)
    assert "return to version 1 with `slipway rollback delay`" in life.lines()["Lost"][0]
    life.roll("previous")
    assert life.env.weights() == {1: 1.0}
    assert life.env.registry.aliases["champion"] == 1
    assert "Lost" not in life.lines()


def test_a_repair_that_was_cut_off_does_not_empty_the_traffic() -> None:
    """Case 4: the alias was deleted before the next run finished the repair."""
    life = Life()
    life.env.platform.forget(MODEL)
    life.roll(stages=0)
    assert life.env.weights() == {2: 1.0}
    del life.env.registry.aliases["champion"]
    life.roll(stages=0)
    assert life.env.weights() == {2: 1.0}


@pytest.mark.parametrize("is_decided", [False, True], ids=["switched", "decided"])
def test_a_half_done_rollback_of_a_model_that_is_gone(*, is_decided: bool) -> None:
    """Its lines agree: what serves, since when, and that nothing can be completed any more."""
    life = Life()
    for _ in range(2):
        life.challenge()
        life.roll()
    if is_decided:
        life.mlflow.answers = False
        life.roll("previous")
        life.mlflow.answers = True
    else:
        life.roll("previous", stages=3)
    life.end_lease()
    for version in list(life.env.registry.tags):
        life.env.registry.delete_version(version)
    told = life.lines()
    assert "version 5 is served and no version is champion" in told["Served"][0]
    assert (
        "Since then rollout-000003, a rollback, has moved the traffic to version 5 ("
        in (told["Since"][0])
    )
    if is_decided:
        cannot = "deploy cannot complete rollout-000003: MLflow has no version 5 with the bytes"
        assert cannot in told["Served"][0]
        assert told["Next"][0].startswith(cannot)
        assert told["Next"][0].endswith(", and version 6 serves then.")
        assert told["Since"][0].endswith(", and cannot make it champion any more.")
    else:
        assert told["Since"][0].endswith(", and has not made it champion yet.")
    hold(life)
