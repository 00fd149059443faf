"""Versions that run although nobody serves them: taken away by reconcile, or reported."""

from __future__ import annotations

import pytest

from slipway.errors import EditedByHand
from slipway.stages.rollout.lease import lease_name
from tests.support.rollout_env import MODEL, RolloutEnv


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and a rollout that stopped has left version 3."""
    made = RolloutEnv()
    made.platform.unserved = (3,)
    return made


def test_reconcile_takes_a_version_away_that_nobody_serves(env: RolloutEnv) -> None:
    """Its verdict names it; the lease is free again, and what serves stays."""
    verdict = env.reconcile().verdict
    assert verdict.action == "nothing"
    assert verdict.reason.endswith("Version 3 had no share any more: taken away.")
    assert env.platform.unserved == ()
    assert env.is_free()
    assert env.weights() == {2: 1.0}
    assert "taken away" not in env.reconcile().verdict.reason


def test_reconcile_takes_a_candidate_away_that_a_killed_verification_left(
    env: RolloutEnv,
) -> None:
    """Its version was deleted meanwhile, so no other verification would."""
    env.platform.unserved, env.platform.candidates = (), (3,)
    verdict = env.reconcile().verdict
    assert verdict.action == "nothing"
    assert "The candidate of version 3, which nobody verifies any more" in verdict.reason
    assert env.platform.candidates == ()
    assert env.is_free()
    assert "candidate" not in env.reconcile().verdict.reason


def test_a_rollout_that_is_under_way_keeps_its_servers(env: RolloutEnv) -> None:
    """It starts them before they have a share."""
    env.registry.aliases["challenger"] = 4
    run = env.reconcile().ref.run
    env.registry.aliases["challenger"] = 2
    verdict = env.reconcile(holder="another").verdict
    assert verdict.action == "nothing"
    assert env.platform.unserved == (3,)
    assert not env.is_free(), f"{lease_name(MODEL)} of {run}"


def test_an_edited_version_that_nobody_serves_is_reported(env: RolloutEnv) -> None:
    """Deleting it is up to its editor."""
    env.platform.edited = "Deployment delay-v3: .spec.template set by kubectl-set"
    with pytest.raises(EditedByHand, match="delay-v3"):
        env.reconcile()
    assert env.platform.unserved == (3,)
