"""A rollout that a hand has stopped leaves its version; the next deploy takes it away."""

from __future__ import annotations

import threading

import pytest

from slipway.errors import EditedByHand
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
