"""Versions that cannot serve, or stop serving: the champion answers throughout."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from slipway.adapters.platforms.cluster.manifests.last_applied import record_last_applied
from slipway.adapters.platforms.cluster.manifests.names import REPLICAS
from slipway.adapters.platforms.cluster.ownership.apply_excluding import last_applied
from slipway.records.verdicts import Verdict
from slipway.stages.rollout import canary_traffic, shift, switch
from tests.rollouts.faults.project_files import STEP
from tests.rollouts.faults.rollout_env import RolloutEnv, shorten_waits
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION, OTHER
from tests.support.models_on_cluster import CRASHING, IMAGE, MODEL, NAME, request_body


@pytest.mark.parametrize("trouble", ["crash loop", "never ready", "wrong answers"])
def test_a_failing_candidate_is_refused(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """It cannot start, is not ready in time, or answers differently than its gates measured."""
    versions = {"crash loop": CRASHING, "wrong answers": OTHER}
    challenger = versions.get(trouble, CANDIDATE)
    routed.reset(challenger)
    routed.write_specs(ready_seconds=10)
    shorten_waits(monkeypatch)
    if trouble == "never ready":
        routed.cluster.unschedulable({"slipway/trial": "true"})
    with routed.clients() as clients:
        assert routed.run_rollout() == ["roll_out", "refused"]
        assert set(clients.after(5)) == {CHAMPION}
    assert routed.tag(challenger) == "refused"
    routed.assert_consistent(CHAMPION)
    assert routed.run_rollout() == ["nothing"]
    routed.cluster.schedulable()


def test_an_image_that_cannot_be_pulled(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step is aborted, a candidate refused: no request reaches a server without its image."""
    monkeypatch.setattr(shift, "READ_BACK_ROUNDS", 1)
    shorten_waits(monkeypatch)
    run = routed.run_until("verify")
    routed.write_specs(ready_seconds=10)
    routed.cluster.missing_image(IMAGE)
    try:
        with routed.clients() as clients:
            assert routed.continue_rollout(run, after="verify") == ["aborted"]
            assert set(clients.after(5)) == {CHAMPION}
            routed.assert_consistent(CHAMPION)
            assert routed.run_rollout() == ["nothing"]
            assert routed.run_rollout(str(CANDIDATE)) == ["roll_out", "refused"]
    finally:
        routed.cluster.images.add(IMAGE)
    routed.assert_consistent(CHAMPION)


def test_a_crash_looping_canary_is_aborted(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its share fails for some seconds, and is reported; then the champion has all traffic."""
    monkeypatch.setattr(canary_traffic, "UNHEALTHY_SECONDS", 1.0)
    routed.write_specs(requests=10**6)
    run = routed.run_until("verify")
    step, ended = _stepping(routed, run)
    with routed.clients(may_fail=10**6) as clients:
        step.start()
        routed.cluster.wait("the traffic is shared", lambda: len(routed.weights()) == 2)
        clients.after(30)
        [pod] = routed.cluster.pods({"slipway/version": str(CANDIDATE)})
        routed.cluster.missing_image(IMAGE)
        while step.is_alive():
            _kill(routed, pod["metadata"]["name"])
            time.sleep(0.2)
        routed.cluster.images.add(IMAGE)
        failures = clients.failures.total()
        assert set(clients.after(10)) == {CHAMPION}
        assert clients.failures.total() == failures
    assert "none of its servers could answer" in ended[0].reason
    assert routed.tag(CANDIDATE) == "aborted"
    routed.assert_consistent(CHAMPION)


def _kill(env: RolloutEnv, pod: str) -> None:
    try:
        env.cluster.oom(pod, "server")
    except (KeyError, LookupError, AssertionError):
        return


def test_a_lost_node_takes_the_canary_only(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its share fails until the step is aborted; the champion runs on another node."""
    monkeypatch.setattr(canary_traffic, "UNHEALTHY_SECONDS", 1.0)
    routed.write_specs(requests=10**6)
    run = routed.run_until("verify")
    [champion] = routed.cluster.pods({"slipway/version": str(CHAMPION)})
    _cordon(routed, champion["spec"]["nodeName"], on=True)
    step, ended = _stepping(routed, run)
    with routed.clients(may_fail=10**6) as clients:
        step.start()
        routed.cluster.wait("the traffic is shared", lambda: len(routed.weights()) == 2)
        clients.after(30)
        [canary] = routed.cluster.pods({"slipway/version": str(CANDIDATE)})
        node = canary["spec"]["nodeName"]
        assert node != champion["spec"]["nodeName"]
        routed.cluster.lose_node(node)
        step.join(60)
        failures = clients.failures.total()
        assert set(clients.after(10)) == {CHAMPION}
        assert clients.failures.total() == failures
    routed.cluster.restore_node(node)
    _cordon(routed, champion["spec"]["nodeName"], on=False)
    assert [verdict.action for verdict in ended] == ["aborted"]
    routed.assert_consistent(CHAMPION)


def _cordon(env: RolloutEnv, node: str, *, on: bool) -> None:
    taints = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}] if on else None
    env.cluster.patch("Node", node, {"spec": {"taints": taints}}, namespace="")


def _stepping(env: RolloutEnv, run: str) -> tuple[threading.Thread, list[Verdict]]:
    """A thread that runs a step, and its verdicts."""
    ended: list[Verdict] = []

    def step() -> None:
        ended.append(env.stage("shift", rollout=run, step=STEP).verdict)

    return threading.Thread(target=step, daemon=True), ended


def test_a_version_with_wrong_answers_is_aborted(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its servers load another version's folder; the switch reads back and aborts."""
    monkeypatch.setattr(switch, "READ_BACK_ROUNDS", 1)
    run = routed.run_until("shift")
    now = routed.cluster.get("Deployment", f"{NAME}-v{CANDIDATE}")
    note = json.dumps(last_applied(now))
    # Without the digest, which would refuse the other version's folder.
    words = f'"--version", "{CANDIDATE}", "--digest", "[0-9a-f]+"'
    other = json.loads(re.sub(words, f'"--version", "{OTHER}"', note))
    assert other != last_applied(now)
    right = _scores(routed)
    # Written by Slipway's manager, since a manual edit would be detected before.
    made = record_last_applied(
        {**other, "spec": {**other["spec"], "replicas": now["spec"]["replicas"]}}
    )
    made["metadata"]["annotations"][REPLICAS] = now["metadata"]["annotations"][REPLICAS]
    routed.cluster.apply(made, manager="slipway")
    routed.cluster.wait("it answers otherwise", lambda: not _scores(routed) & right)
    with routed.clients() as clients:
        assert routed.continue_rollout(run, after="shift") == ["aborted"]
        assert set(clients.after(10)) == {CHAMPION}
    routed.assert_consistent(CHAMPION)
    assert routed.aliases()["champion"] == CHAMPION


def _scores(env: RolloutEnv) -> set[tuple[float, ...]]:
    """Scores of the candidate's servers."""
    platform = env.container().platform_for(env.spec)
    return {platform.ask(MODEL, request_body(), version=CANDIDATE).scores for _ in range(3)}
