"""A rollout that was stopped leaves its version or its candidate; the next deploy takes it away."""

from __future__ import annotations

import threading

import pytest

from slipway.adapters.platforms.cluster import candidate
from slipway.errors import EditedByHand
from tests.fakes.kill_points import Killed
from tests.rollouts.faults.project_files import STEP
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL, NAME

BY = "kubectl-label"


def _label(model: str) -> dict[str, object]:
    return {"metadata": {"labels": {"slipway/model": model}}}


def test_a_version_that_a_stopped_rollout_left_is_taken_away(env: RolloutEnv) -> None:
    """A label of the champion is changed while the step starts servers, then set back.

    There is no challenger any more, so no rollout would take the version away.
    """
    run, champion = env.run_until("verify"), f"{NAME}-v{CHAMPION}"
    canary = f"{NAME}-v{CANDIDATE}"

    def change() -> None:
        env.cluster.wait("its Deployment", lambda: env.cluster.find("Deployment", canary))
        env.cluster.patch("Deployment", champion, _label("other"), BY)

    hand = threading.Thread(target=change)
    hand.start()
    with env.clients():
        with pytest.raises(EditedByHand, match=BY):
            env.stage("shift", rollout=run, step=STEP)
        hand.join()
        assert canary in env.names("Deployment")
        env.cluster.patch("Deployment", champion, _label(MODEL), BY)
        env.registry.delete_alias(MODEL, "challenger")
        env.expire_lease()
        verdict = env.begin().verdict
    assert verdict.action in {"nothing", "repair"}
    env.assert_consistent(CHAMPION)


def test_a_candidate_of_a_killed_verification_is_taken_away(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no challenger any more, so no other verification would delete it."""
    run = routed.begin().ref.run

    def die(*_: object, **__: object) -> None:
        monkeypatch.setattr(candidate, "delete_candidates", die)
        raise Killed

    monkeypatch.setattr(candidate, "_wait_until_ready", die)
    with routed.clients(), pytest.raises(Killed):
        routed.stage("verify", rollout=run)
    monkeypatch.undo()
    assert f"{NAME}-v{CANDIDATE}-trial" in routed.names("Deployment")
    routed.registry.delete_alias(MODEL, "challenger")
    routed.expire_lease()
    verdict = routed.begin().verdict
    assert verdict.action == "nothing"
    assert f"The candidate of version {CANDIDATE}" in verdict.reason
    routed.assert_consistent(CHAMPION)
