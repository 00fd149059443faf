"""Rollbacks on a cluster: from a canary, from a champion, and where they fail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from slipway.adapters.platforms.cluster import api_client
from slipway.cli.commands import commands
from slipway.stages.rollout import canary_traffic, switch
from tests.conftest import free_port
from tests.rollouts.faults.rollout_env import RolloutEnv, shorten_waits
from tests.rollouts.faults.superseded_step import waiting_step
from tests.rollouts.faults.test_whole_rollouts import as_a_person
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import IMAGE, MODEL, NAME


def rollback(env: RolloutEnv) -> tuple[int, dict[str, Any]]:
    """Exit status and output of `slipway rollback`."""
    with as_a_person(env) as shell:
        done = shell.invoke(commands, ["rollback", MODEL, "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}


def test_a_rollback_supersedes_a_canary(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The canary's weight becomes 0 first; the waiting step ends and changes nothing."""
    monkeypatch.setattr(canary_traffic, "LOG_EVERY_SECONDS", 0.5)
    routed.write_specs(requests=10**6)
    run = routed.run_until("verify")
    older, ended = waiting_step(routed, run)
    with routed.clients() as clients:
        older.start()
        routed.cluster.wait("the traffic is shared", lambda: len(routed.weights()) == 2)
        clients.after(20)
        began = time.monotonic()
        code, report = rollback(routed)
        took = time.monotonic() - began
        assert set(clients.after(20)) == {CHAMPION}
        older.join(20)
    assert (code, report["rolled_back"]) == (0, True)
    assert report["verdicts"]["reconcile"]["action"] == "repair"
    assert len(ended) == 1
    routed.assert_consistent(CHAMPION)
    assert routed.tag(CANDIDATE) == "rolled_back"
    with capsys.disabled():
        print(f"\nrollback of a canary: {took:.1f} s from command to its end")  # noqa: T201


def test_a_rollback_needs_no_new_pod(routed: RolloutEnv) -> None:
    """Without room or image for a pod the warm version serves, and the read-back confirms it."""
    routed.reset(challenger=None, previous=CANDIDATE)
    routed.cluster.missing_image(IMAGE)
    routed.cluster.quota(pods=1)
    try:
        with routed.clients(stays=CANDIDATE) as clients:
            code, report = rollback(routed)
            assert set(clients.after(10)) == {CANDIDATE}
    finally:
        routed.cluster.images.add(IMAGE)
        routed.cluster.quota(pods=None)
    assert (code, report["rolled_back"]) == (0, True)
    routed.assert_consistent(CANDIDATE)


def test_a_rollback_without_mlflow_after_a_hand_moved_the_champion(routed: RolloutEnv) -> None:
    """The foreign alias moves no traffic, and the way back is the ledger's."""
    routed.reset()
    assert routed.run_rollout()[-1] == "promoted"
    routed.registry.set_alias(MODEL, "champion", CHAMPION)
    with routed.clients() as clients:
        assert routed.run_rollout() == ["nothing"]
        assert set(clients.after(10)) == {CANDIDATE}
        present = routed.settings
        routed.settings = present.model_copy(update={"mlflow": f"http://127.0.0.1:{free_port()}"})
        try:
            run = routed.begin("previous").ref.run
            assert routed.stage("verify", rollout=run).verdict.action == "verified"
            assert routed.stage("switch", rollout=run).verdict.action == "switched"
        finally:
            routed.settings = present
        assert set(clients.after(10)) == {CHAMPION}
        assert routed.stage("promote_champion", rollout=run).verdict.action == "promoted"
    routed.assert_consistent(CHAMPION)


def test_a_failed_rollback_is_no_success(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The previous version cannot start: the champion serves on, and no alias moves."""
    monkeypatch.setattr(switch, "READ_BACK_ROUNDS", 1)
    routed.reset(challenger=None, previous=CANDIDATE)
    routed.write_specs(ready_seconds=10)
    shorten_waits(monkeypatch)
    routed.cluster.missing_image(IMAGE)
    try:
        [pod] = routed.cluster.pods({"slipway/version": str(CANDIDATE)})
        routed.cluster.delete("Pod", pod["metadata"]["name"], grace_seconds=0)
        routed.cluster.wait("it is not warm any more", lambda: not routed.warm())
        with routed.clients() as clients:
            code, report = rollback(routed)
            assert set(clients.after(10)) == {CHAMPION}
    finally:
        routed.cluster.images.add(IMAGE)
    assert code == 1
    assert report["rolled_back"] is False
    assert routed.aliases() == {"champion": CHAMPION, "previous": CANDIDATE}
    assert routed.weights() == {CHAMPION: 1.0}


@pytest.mark.parametrize("stage", ["switch", "promote_champion"])
def test_a_rollback_without_an_api_is_no_success(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The command fails at any request, and a repeat continues from there."""
    monkeypatch.setattr(api_client, "WAITS_SECONDS", (0.05,))
    monkeypatch.setattr(switch, "READ_BACK_ROUNDS", 1)
    routed.reset(challenger=None, previous=CANDIDATE)
    run = routed.begin("previous").ref.run
    for name in ["verify", "switch"][: 1 if stage == "switch" else 2]:
        routed.stage(name, rollout=run)
    routed.expire_lease()
    routed.cluster.fail(status=500, times=None)
    with routed.clients(stays=CANDIDATE):
        code, report = rollback(routed)
        assert code == 1
        assert not report.get("rolled_back")
        assert routed.aliases() == {"champion": CHAMPION, "previous": CANDIDATE}
        routed.cluster.recover()
        routed.expire_lease()
        assert rollback(routed)[0] == 0
    routed.assert_consistent(CANDIDATE)
    assert routed.aliases() == {"champion": CANDIDATE}
    assert f"{NAME}-v{CHAMPION}" not in routed.names("Deployment")
