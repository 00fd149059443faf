"""A rollout whose process dies: its repeat goes on, and another run goes on or cleans up."""

from __future__ import annotations

import signal

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from tests.fakes.kill_points import Killed, KillPoint
from tests.kubernetes_double.api.faults import Fault
from tests.rollouts.faults.kill_points import is_killed_and_recovers, killed_after, killed_at
from tests.rollouts.faults.project_files import STEP
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import NAME

HANGS = 30.0


def test_dead_between_any_two_stages(routed: RolloutEnv) -> None:
    """The next run completes or repairs what the last stage left."""
    with routed.clients():
        routed.begin()
        routed.expire_lease()
        for last in ("verify", "shift"):
            routed.run_until(last)
            routed.expire_lease()
        assert len(routed.weights()) == 2
        mended = routed.begin()
        assert mended.verdict.action == "repair"
        assert routed.weights() == {CHAMPION: 1.0}
        assert routed.continue_rollout(mended.ref.run) == [
            "verified",
            "unneeded",
            "switched",
            "promoted",
        ]
        routed.run_until("switch")
        routed.expire_lease()
        assert routed.aliases()["champion"] == CHAMPION
        assert routed.weights() == {CANDIDATE: 1.0}
        assert routed.run_rollout() == ["roll_out", "verified", "unneeded", "switched", "promoted"]
    routed.assert_consistent(CANDIDATE, CHAMPION)
    assert routed.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}


def test_killed_before_a_write(env: RolloutEnv) -> None:
    """At one of many writes (`make soak` runs all); the next run ends well and cleans up."""
    with env.clients():
        assert is_killed_and_recovers(env, writes=13 if env.by_route else 16)


def test_a_pod_killed_while_it_writes_is_gone_on_with(routed: RolloutEnv) -> None:
    """SIGKILL of a step's process, then of the switch's; each is repeated and completes."""
    run = routed.run_until("verify")
    entry = Fault("patch", "HTTPRoute", NAME, times=1, hang_seconds=HANGS)
    servers = Fault("patch", "Deployment", f"{NAME}-v{CHAMPION}", times=1, hang_seconds=HANGS)
    with routed.clients():
        step = ("shift", "--step", str(STEP))
        assert killed_at(routed, entry, *step, run=run) == -signal.SIGKILL
        assert routed.stage("shift", rollout=run, step=STEP).verdict.action == "shifted"
        assert killed_at(routed, servers, "switch", run=run) == -signal.SIGKILL
        assert routed.continue_rollout(run, after="shift") == ["switched", "promoted"]
    routed.assert_consistent(CANDIDATE, CHAMPION)


@pytest.mark.parametrize("to", ["challenger", "previous"])
def test_killed_while_aliases_move(routed: RolloutEnv, to: str) -> None:
    """The champion's alias moves last: until then the next run completes the rest."""
    if to == "previous":
        routed.reset(challenger=None, previous=CANDIDATE)
    aliases = {"champion": CANDIDATE} | ({"previous": CHAMPION} if to == "challenger" else {})
    run = routed.begin(to).ref.run
    for name in ("verify", *(["shift"] if to == "challenger" else []), "switch"):
        step = {"step": STEP} if name == "shift" else {}
        routed.stage(name, rollout=run, **step)
    for writes in range(6):
        with killed_after(KillPoint(writes), (MlflowRegistry,)):
            try:
                routed.stage("promote_champion", rollout=run)
            except Killed:
                if routed.aliases().get("champion") == CANDIDATE:
                    assert routed.aliases() == aliases
                continue
        break
    else:
        pytest.fail("it never ended")
    assert writes >= 3
    assert routed.aliases() == aliases
    routed.assert_consistent(CANDIDATE, *([CHAMPION] if to == "challenger" else []))
