"""Manual edits of a rollout's objects: reported, kept, and reclaimable."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from slipway.cli.commands import commands
from slipway.errors import EditedByHand
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.test_whole_rollouts import ALL_WELL, as_a_person
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL, NAME

BY = "kubectl-edit"


def edit_the_share(env: RolloutEnv) -> dict[str, Any]:
    """Change the canary's weight in the entry point by hand; the entry's spec before."""
    if env.by_route:
        rules = env.cluster.get("HTTPRoute", NAME)["spec"]["rules"]
        for backend, weight in zip(rules[-1]["backendRefs"], (1, 9), strict=True):
            backend["weight"] = weight
        change: dict[str, Any] = {"rules": rules}
    else:
        change = {"selector": {"slipway/version": str(CHAMPION)}}
    env.cluster.patch(env.entry_kind, NAME, {"spec": change}, manager=BY)
    found: dict[str, Any] = env.cluster.get(env.entry_kind, NAME)["spec"]
    return found


def hand_back(env: RolloutEnv) -> None:
    """Reclaim all fields for Slipway's manager, as the guide describes."""
    with as_a_person(env) as shell:
        printed = shell.invoke(commands, ["render", MODEL])
    assert printed.exit_code == 0, printed.output
    for manifest in yaml.safe_load_all(printed.stdout):
        env.cluster.apply(manifest, manager="slipway", force=True)


def test_an_edit_of_the_share_in_the_middle_of_a_canary(env: RolloutEnv) -> None:
    """Switch, next run and rollback report the manager; then the fields are reclaimed."""
    run = env.run_until("shift")
    edited = edit_the_share(env)
    with env.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            env.continue_rollout(run, after="shift")
        assert BY in str(caught.value)
        env.expire_lease()
        for to in ("challenger", "previous"):
            with pytest.raises(EditedByHand, match="edited by hand") as caught:
                env.begin(to)
            assert BY in str(caught.value)
        assert env.cluster.get(env.entry_kind, NAME)["spec"] == edited
        assert env.aliases()["champion"] == CHAMPION
        hand_back(env)
        assert env.weights() == {CHAMPION: 1.0}
        assert env.run_rollout() == ALL_WELL
    env.assert_consistent(CANDIDATE, CHAMPION)


def test_an_edit_of_the_replicas_during_a_step(routed: RolloutEnv) -> None:
    """The step ends at once, and the edited number stays until it is undone."""
    run = routed.run_until("verify")
    routed.cluster.patch("Deployment", f"{NAME}-v{CHAMPION}", {"spec": {"replicas": 2}}, BY)
    with routed.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            routed.continue_rollout(run, after="verify")
        assert BY in str(caught.value)
        assert routed.cluster.get("Deployment", f"{NAME}-v{CHAMPION}")["spec"]["replicas"] == 2
        routed.cluster.patch("Deployment", f"{NAME}-v{CHAMPION}", {"spec": {"replicas": 1}}, BY)
        assert routed.continue_rollout(run, after="verify") == ["shifted", "switched", "promoted"]
    routed.assert_consistent(CANDIDATE, CHAMPION)


@pytest.mark.parametrize("to", ["previous", "challenger"])
def test_an_edit_of_the_canarys_servers(env: RolloutEnv, to: str) -> None:
    """No stage goes forward, its weight can become 0, and its servers keep the edit."""
    env.cluster.images.add("server:by-hand")
    canary, run = f"{NAME}-v{CANDIDATE}", env.run_until("shift")
    pod = {"containers": [{"name": "server", "image": "server:by-hand"}]}
    env.cluster.patch("Deployment", canary, {"spec": {"template": {"spec": pod}}}, BY)
    report = f'Deployment {canary}: .spec.template.spec.containers[name="server"].image set by {BY}'
    with env.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            env.continue_rollout(run, after="shift")
        assert report in str(caught.value)
        env.expire_lease()
        verdict = env.begin(to).verdict
        assert verdict.action == "repair"
        assert verdict.reason.endswith(f"Edited by hand, and left so: {report}.")
        assert env.weights() == {CHAMPION: 1.0}
        assert env.aliases()["champion"] == CHAMPION
        found = env.cluster.get("Deployment", canary)["spec"]["template"]["spec"]
        assert found["containers"][0]["image"] == "server:by-hand"
        env.expire_lease()
        with pytest.raises(EditedByHand, match="edited by hand"):
            env.begin(str(CANDIDATE))
        env.cluster.delete("Deployment", canary)
        env.expire_lease()
        assert env.run_rollout(str(CANDIDATE)) == ALL_WELL
    env.assert_consistent(CANDIDATE, CHAMPION)


def test_an_edit_between_the_switch_and_the_alias(routed: RolloutEnv) -> None:
    """No alias moves to unverified servers; once the edit is undone, it does."""
    run = routed.run_until("switch")
    budget = "PodDisruptionBudget", f"{NAME}-v{CANDIDATE}"
    routed.cluster.patch(*budget, {"spec": {"maxUnavailable": 0}}, BY)
    with routed.clients():
        with pytest.raises(EditedByHand, match="maxUnavailable set by kubectl-edit"):
            routed.continue_rollout(run, after="switch")
        assert routed.aliases()["champion"] == CHAMPION
        routed.cluster.patch(*budget, {"spec": {"maxUnavailable": 1}}, BY)
        assert routed.continue_rollout(run, after="switch") == ["promoted"]
    routed.assert_consistent(CANDIDATE, CHAMPION)
