"""A rollout whose process dies: its repeat goes on, and another run goes on or cleans up."""

from __future__ import annotations

import signal

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from tests.fakes.kill_points import Fuse, Killed
from tests.kubernetes_double.api.faults import Fault
from tests.rollouts.faults.kill_points import dies_and_is_continued, fused, killed_at
from tests.rollouts.faults.rollout_env import CANDIDATE, CHAMPION, STEP, World
from tests.support.models_on_cluster import NAME

HANGS = 30.0


def test_dead_between_any_two_stages(routed: World) -> None:
    """Airflow is gone after each of them in turn; the next run does what there is to do."""
    with routed.clients():
        routed.begin()
        routed.lapse()
        for last in ("verify", "shift"):
            routed.until(last)
            routed.lapse()
        assert len(routed.weights()) == 2
        mended = routed.begin()
        assert mended.verdict.action == "repair"
        assert routed.weights() == {CHAMPION: 1.0}
        assert routed.go_on(mended.ref.run) == ["verified", "unneeded", "switched", "promoted"]
        routed.until("switch")
        routed.lapse()
        assert routed.aliases()["champion"] == CHAMPION
        assert routed.weights() == {CANDIDATE: 1.0}
        assert routed.roll() == ["roll_out", "verified", "unneeded", "switched", "promoted"]
    routed.is_tidy(CANDIDATE, CHAMPION)
    assert routed.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}


def test_killed_before_a_write(world: World) -> None:
    """One of many (`make soak` takes each in turn); the next run ends well, and tidily."""
    with world.clients():
        assert dies_and_is_continued(world, writes=13 if world.by_route else 16)


def test_a_pod_killed_while_it_writes_is_gone_on_with(routed: World) -> None:
    """SIGKILL of a step's own process, then of the switch's; each is run once more, and goes on."""
    run = routed.until("verify")
    entry = Fault("patch", "HTTPRoute", NAME, times=1, hang_seconds=HANGS)
    servers = Fault("patch", "Deployment", f"{NAME}-v{CHAMPION}", times=1, hang_seconds=HANGS)
    with routed.clients():
        step = ("shift", "--step", str(STEP))
        assert killed_at(routed, entry, *step, run=run) == -signal.SIGKILL
        assert routed.stage("shift", rollout=run, step=STEP).verdict.action == "shifted"
        assert killed_at(routed, servers, "switch", run=run) == -signal.SIGKILL
        assert routed.go_on(run, after="shift") == ["switched", "promoted"]
    routed.is_tidy(CANDIDATE, CHAMPION)


@pytest.mark.parametrize("to", ["challenger", "previous"])
def test_killed_while_aliases_move(routed: World, to: str) -> None:
    """The champion's alias moves last: until then the next run sees what was left to do."""
    if to == "previous":
        routed.settle(challenger=None, previous=CANDIDATE)
    aliases = {"champion": CANDIDATE} | ({"previous": CHAMPION} if to == "challenger" else {})
    run = routed.begin(to).ref.run
    for name in ("verify", *(["shift"] if to == "challenger" else []), "switch"):
        step = {"step": STEP} if name == "shift" else {}
        routed.stage(name, rollout=run, **step)
    for writes in range(6):
        with fused(Fuse(writes), (MlflowRegistry,)):
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
    routed.is_tidy(CANDIDATE, *([CHAMPION] if to == "challenger" else []))
