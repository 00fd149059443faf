"""A person changes what a rollout controls: it is told, left alone, and can be handed back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from slipway.cli import main
from slipway.errors import EditedByHand
from tests.rollouts.faults.rollout_env import CANDIDATE, CHAMPION, World
from tests.rollouts.faults.test_whole_rollouts import ALL_WELL, as_a_person
from tests.support.models_on_cluster import MODEL, NAME

BY = "kubectl-edit"


def edit_the_share(world: World) -> dict[str, Any]:
    """Give the canary another share by hand, where the entry says it; the entry's spec then."""
    if world.by_route:
        rules = world.cluster.get("HTTPRoute", NAME)["spec"]["rules"]
        for backend, weight in zip(rules[-1]["backendRefs"], (1, 9), strict=True):
            backend["weight"] = weight
        change: dict[str, Any] = {"rules": rules}
    else:
        change = {"selector": {"slipway/version": str(CHAMPION)}}
    world.cluster.patch(world.entry_kind, NAME, {"spec": change}, manager=BY)
    found: dict[str, Any] = world.cluster.get(world.entry_kind, NAME)["spec"]
    return found


def hand_back(world: World) -> None:
    """As the guide tells: let Slipway's own manager take its fields again."""
    with as_a_person(world) as shell:
        printed = shell.invoke(main, ["render", MODEL])
    assert printed.exit_code == 0, printed.output
    for manifest in yaml.safe_load_all(printed.stdout):
        world.cluster.apply(manifest, manager="slipway", force=True)


def test_an_edit_of_the_share_in_the_middle_of_a_canary(world: World) -> None:
    """The switch, the next run and the way back say who did it; then they are handed it back."""
    run = world.until("shift")
    edited = edit_the_share(world)
    with world.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            world.go_on(run, after="shift")
        assert BY in str(caught.value)
        world.lapse()
        for to in ("challenger", "previous"):
            with pytest.raises(EditedByHand, match="edited by hand") as caught:
                world.begin(to)
            assert BY in str(caught.value)
        assert world.cluster.get(world.entry_kind, NAME)["spec"] == edited
        assert world.aliases()["champion"] == CHAMPION
        hand_back(world)
        assert world.weights() == {CHAMPION: 1.0}
        assert world.roll() == ALL_WELL
    world.is_tidy(CANDIDATE, CHAMPION)


def test_an_edit_of_the_replicas_while_a_step_looks(routed: World) -> None:
    """The step ends at once, the number stays as the person set it, until it is set back."""
    run = routed.until("verify")
    routed.cluster.patch("Deployment", f"{NAME}-v{CHAMPION}", {"spec": {"replicas": 2}}, BY)
    with routed.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            routed.go_on(run, after="verify")
        assert BY in str(caught.value)
        assert routed.cluster.get("Deployment", f"{NAME}-v{CHAMPION}")["spec"]["replicas"] == 2
        routed.cluster.patch("Deployment", f"{NAME}-v{CHAMPION}", {"spec": {"replicas": 1}}, BY)
        assert routed.go_on(run, after="verify") == ["shifted", "switched", "promoted"]
    routed.is_tidy(CANDIDATE, CHAMPION)


@pytest.mark.parametrize("to", ["previous", "challenger"])
def test_an_edit_of_the_canarys_servers(world: World, to: str) -> None:
    """Nothing goes forward, its weight can go, and its servers stay as the person left them."""
    world.cluster.images.add("server:by-hand")
    canary, run = f"{NAME}-v{CANDIDATE}", world.until("shift")
    pod = {"containers": [{"name": "server", "image": "server:by-hand"}]}
    world.cluster.patch("Deployment", canary, {"spec": {"template": {"spec": pod}}}, BY)
    said = f'Deployment {canary}: .spec.template.spec.containers[name="server"].image set by {BY}'
    with world.clients():
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            world.go_on(run, after="shift")
        assert said in str(caught.value)
        world.lapse()
        verdict = world.begin(to).verdict
        assert verdict.action == "repair"
        assert verdict.reason.endswith(f"Edited by hand, and left so: {said}.")
        assert world.weights() == {CHAMPION: 1.0}
        assert world.aliases()["champion"] == CHAMPION
        found = world.cluster.get("Deployment", canary)["spec"]["template"]["spec"]
        assert found["containers"][0]["image"] == "server:by-hand"
        world.lapse()
        with pytest.raises(EditedByHand, match="edited by hand"):
            world.begin(str(CANDIDATE))
        world.cluster.delete("Deployment", canary)
        world.lapse()
        assert world.roll(str(CANDIDATE)) == ALL_WELL
    world.is_tidy(CANDIDATE, CHAMPION)


def test_an_edit_between_the_switch_and_the_alias(routed: World) -> None:
    """No alias moves to servers that are not what was verified; undone, it does."""
    run = routed.until("switch")
    budget = "PodDisruptionBudget", f"{NAME}-v{CANDIDATE}"
    routed.cluster.patch(*budget, {"spec": {"maxUnavailable": 0}}, BY)
    with routed.clients():
        with pytest.raises(EditedByHand, match="maxUnavailable set by kubectl-edit"):
            routed.go_on(run, after="switch")
        assert routed.aliases()["champion"] == CHAMPION
        routed.cluster.patch(*budget, {"spec": {"maxUnavailable": 1}}, BY)
        assert routed.go_on(run, after="switch") == ["promoted"]
    routed.is_tidy(CANDIDATE, CHAMPION)
