"""Versions rolled out on a cluster: real servers in pods of the double, asked as clients ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster import objects as wire
from slipway.adapters.platforms.cluster.objects import ClusterObjects
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from slipway.adapters.platforms.cluster.trial import trial_objects
from slipway.errors import (
    ClusterUnavailable,
    Denied,
    EditedByHand,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
    Superseded,
)
from slipway.spec import ModelSpec
from slipway.stages.platform import Served
from tests.cluster import Cluster
from tests.fakes.clustered import (
    CRASHING,
    IMAGE,
    MODEL,
    NAME,
    UNREADY,
    Clients,
    a_cluster,
    platform_on,
    registered,
    request_body,
    spec_of,
)

KINDS = ("Deployment", "Service", "PodDisruptionBudget")
SHARED = {2: 0.1, 1: 0.9}


@pytest.fixture(scope="module")
def registry(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> MlflowRegistry:
    """Three good versions, one that crashes and one that is never ready."""
    return registered(mlflow_server, tmp_path_factory.mktemp("versions"))


@pytest.fixture
def cluster(tmp_path: Path, mlflow_server: str) -> Iterator[Cluster]:
    """A cluster with a Gateway."""
    with a_cluster(tmp_path, mlflow_server, gateway=True) as made:
        yield made


class Yard:
    """A model on a cluster.

    Attributes:
        cluster: The cluster.
        spec: The model's.
        platform: As a rollout's pod would make it.
    """

    def __init__(
        self, cluster: Cluster, registry: MlflowRegistry, *, by_route: bool, **more: Any
    ) -> None:
        self.cluster = cluster
        self.by_route = by_route
        self.spec: ModelSpec = spec_of(cluster, by_route=by_route, **more)
        self._registry = registry
        self.platform = self.another()
        self.entry_kind = "HTTPRoute" if by_route else "Service"

    def another(self) -> ClusterPlatform:
        """The platform as the pod of the next stage would make it."""
        return platform_on(self.cluster, self.spec, self._registry)

    def serve(self, weights: dict[int, float], *keep: int, token: int = 1) -> None:
        """Change the traffic."""
        self.platform.apply(MODEL, weights=weights, keep=keep, token=token)

    def served(self) -> Served:
        """What is really served."""
        found = self.platform.served(MODEL)
        assert found is not None
        return found

    def clients(self) -> Clients:
        """Clients of the entry point."""
        host = self.spec.deployment.kubernetes.gateway.url if self.by_route else ""  # type: ignore[union-attr]
        return Clients(f"{host or f'http://{NAME}.slipway.svc:8080'}/v2/models/{MODEL}/infer")

    def state(self) -> dict[tuple[str, str], str]:
        """The resource version of every object of the model."""
        kinds = (*KINDS, "HTTPRoute") if self.by_route else KINDS
        return {
            (kind, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
            for kind in kinds
            for one in self.cluster.list(kind)
        }

    def versions(self) -> list[str]:
        """Names of the Deployments."""
        return [one["metadata"]["name"] for one in self.cluster.list("Deployment")]

    def writes(self) -> int:
        """Requests so far that were no mere look."""
        return sum(one.method != "GET" for one in self.cluster.requests)


@pytest.fixture(params=["route", "ratio"])
def yard(request: pytest.FixtureRequest, cluster: Cluster, registry: MlflowRegistry) -> Yard:
    """A model whose traffic is split by a route, then by numbers of servers."""
    return Yard(cluster, registry, by_route=request.param == "route")


@pytest.fixture
def routed(cluster: Cluster, registry: MlflowRegistry) -> Yard:
    """A model whose traffic is split by a route, and that gives up after ten seconds."""
    return Yard(cluster, registry, by_route=True, ready_seconds=10)


def settled(cluster: Cluster) -> None:
    """Wait until no controller has anything left to write."""

    def now() -> list[str]:
        found = [one for kind in KINDS for one in cluster.list(kind)]
        return [one["metadata"]["resourceVersion"] for one in found]

    before = now()
    time.sleep(0.5)
    while before != (found := now()):
        before = found
        time.sleep(0.5)


def test_a_model_goes_through_its_life(yard: Yard) -> None:
    """First version, canary, half, switch, the way back: each in force, and nobody turned away."""
    assert yard.platform.served(MODEL) is None
    yard.serve({1: 1.0})
    assert yard.served() == Served({1: 1.0}, {1: True}, (), 1)
    assert yard.platform.ask(MODEL, request_body()).version == 1
    with yard.clients() as clients:
        yard.serve(SHARED, token=2)
        answered = clients.after(150)
        served = yard.served()
        assert served.weights == pytest.approx(SHARED if yard.by_route else {2: 0.5, 1: 0.5})
        assert served.healthy == {1: True, 2: True}
        assert answered[2] > 0
        asked = sum(tally.asked for tally in served.tallies.values())
        assert answered.total() - 5 <= asked <= answered.total() + 60
        assert served.tallies[2].failed == 0
        assert served.tallies[2].p99_ms is not None
        yard.serve({2: 0.5, 1: 0.5}, token=2)
        assert sum(tally.asked for tally in yard.served().tallies.values()) < 100
        yard.serve({2: 1.0}, 1, token=2)
        assert yard.served() == Served({2: 1.0}, {1: True, 2: True}, (1,), 2)
        switched = clients.after(30)
        began = time.monotonic()
        yard.serve({1: 1.0}, 2, token=3)
        took = time.monotonic() - began
        assert set(clients.after(30)) == {1}
    assert set(switched) == {2}
    assert took < 5
    assert not clients.failures
    assert yard.served().version == 1


def test_a_repeat_changes_nothing(yard: Yard) -> None:
    """Not even by another process: no object has another resource version afterwards."""
    yard.serve({1: 1.0})
    yard.serve(SHARED, token=2)
    settled(yard.cluster)
    before = yard.state()
    yard.serve(SHARED, token=2)
    yard.another().apply(MODEL, weights=SHARED, keep=(), token=2)
    assert yard.state() == before
    yard.serve({2: 1.0}, 1, token=2)
    settled(yard.cluster)
    before = yard.state()
    yard.serve({2: 1.0}, 1, token=2)
    assert yard.state() == before


def test_the_rollouts_own_checks_are_not_counted(yard: Yard) -> None:
    """They ask for a version by its number; clients ask for whichever serves."""
    yard.serve({1: 1.0})
    yard.serve(SHARED, token=2)
    for _ in range(5):
        assert yard.platform.ask(MODEL, request_body(), version=2).version == 2
    assert yard.served().tallies[2].asked == 0


def test_numbers_of_servers_are_the_real_share(cluster: Cluster, registry: MlflowRegistry) -> None:
    """A tenth of two servers is a third of three; what is kept warm makes room meanwhile."""
    yard = Yard(cluster, registry, by_route=False, replicas=2)
    yard.serve({1: 1.0}, 3)
    assert yard.versions() == [f"{NAME}-v1", f"{NAME}-v3"]
    yard.serve(SHARED, 3, token=2)
    served = yard.served()
    assert served.weights == pytest.approx({2: 1 / 3, 1: 2 / 3})
    assert served.healthy == {1: True, 2: True}
    with yard.clients() as clients:
        assert set(clients.after(60)) == {1, 2}
        yard.serve({1: 1.0}, 3, token=2)
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    assert yard.versions() == [f"{NAME}-v1", f"{NAME}-v3"]
    kept = cluster.get("Deployment", f"{NAME}-v3")
    assert kept["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("version", "said"),
    [(CRASHING, "0 of 1 servers are ready"), (UNREADY, "0 of 1 servers are ready")],
    ids=["crash-looping", "never ready"],
)
def test_a_version_that_does_not_become_ready_gets_nothing(
    routed: Yard, version: int, said: str
) -> None:
    """It is said how many of how many are ready; the champion serves, and tidying up works."""
    routed.serve({1: 1.0})
    with routed.clients() as clients:
        with pytest.raises(PlatformUnavailable, match="do not become ready") as caught:
            routed.serve({version: 0.1, 1: 0.9}, token=2)
        assert said in str(caught.value)
        assert "kubectl --namespace slipway describe pods" in str(caught.value)
        assert routed.served().weights == {1: 1.0}
        routed.serve({1: 1.0}, token=2)
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    assert routed.versions() == [f"{NAME}-v1"]
    assert not [one for one in routed.cluster.list("Service") if "-v4" in one["metadata"]["name"]]


def test_an_image_that_is_missing_and_a_quota_that_is_full(routed: Yard) -> None:
    """Either way the champion serves; a pod that cannot be made is told in the server's words."""
    routed.serve({1: 1.0})
    routed.cluster.missing_image(IMAGE)
    with pytest.raises(PlatformUnavailable, match="do not become ready"):
        routed.serve(SHARED, token=2)
    routed.serve({1: 1.0}, token=2)
    routed.cluster.images.add(IMAGE)
    routed.cluster.quota(pods=1)
    with pytest.raises(PlatformUnavailable, match="do not become ready") as caught:
        routed.serve(SHARED, token=2)
    assert "FailedCreate" in str(caught.value)
    assert "exceeded quota" in str(caught.value)
    assert routed.served().version == 1
    routed.cluster.quota(pods=None)
    routed.serve(SHARED, token=2)
    assert routed.served().healthy == {1: True, 2: True}


def test_an_abort_does_not_wait_for_what_is_broken(routed: Yard) -> None:
    """The weight goes first, then the version; the counts of a server that died are kept."""
    routed.serve({1: 1.0})
    routed.serve({2: 0.5, 1: 0.5}, token=2)
    with routed.clients() as clients:
        clients.after(60)
        before = routed.served().tallies[2].asked
        [pod] = routed.cluster.pods({"slipway/version": "2"})
        routed.cluster.missing_image(IMAGE)
        routed.cluster.delete("Pod", pod["metadata"]["name"], grace_seconds=0)
        routed.cluster.wait("it is unhealthy", lambda: not routed.served().healthy[2])
        served = routed.served()
        assert served.weights == {1: 0.5, 2: 0.5}
        assert served.version is None
        assert served.tallies[2].asked >= before > 0
        began = time.monotonic()
        routed.serve({1: 1.0}, token=2)
        assert time.monotonic() - began < 5
        assert set(clients.after(20)) == {1}
    assert routed.versions() == [f"{NAME}-v1"]


def test_a_server_that_starts_again_counts_on(routed: Yard) -> None:
    """Its new start begins at nothing; what the old one had counted is not lost."""
    routed.serve({1: 1.0})
    routed.serve({2: 0.5, 1: 0.5}, token=2)
    with routed.clients() as clients:
        clients.after(60)
        before = routed.served().tallies[2].asked
        [pod] = routed.cluster.pods({"slipway/version": "2"})
        routed.cluster.oom(pod["metadata"]["name"], "server")
        routed.cluster.wait("it was started again", lambda: _restarts(routed.cluster) > 0)
        routed.cluster.wait("it is healthy", lambda: routed.served().healthy[2])
        clients.after(60)
        routed.cluster.wait("both counts", lambda: routed.served().tallies[2].asked > before + 5)


def _restarts(cluster: Cluster) -> int:
    [pod] = cluster.pods({"slipway/version": "2"})
    servers = pod["status"].get("containerStatuses") or []
    return max((int(one["restartCount"]) for one in servers), default=0)


def test_an_edit_of_the_entry_is_seen_and_left_alone(yard: Yard) -> None:
    """It is named with who did it, until it is undone; then the rollout goes on."""
    yard.serve({1: 1.0})
    yard.serve(SHARED, token=2)
    before = yard.cluster.get(yard.entry_kind, NAME)["spec"]
    if yard.by_route:
        rules = [*before["rules"][:-1], {**before["rules"][-1]}]
        rules[-1]["backendRefs"] = [{**one, "weight": 1} for one in rules[-1]["backendRefs"]]
        change: dict[str, Any] = {"rules": rules}
        undo: dict[str, Any] = {"rules": before["rules"]}
    else:
        change = {"selector": {"slipway/version": "2"}}
        undo = {"selector": {"slipway/version": None}}
    yard.cluster.patch(yard.entry_kind, NAME, {"spec": change}, manager="kubectl-edit")
    edited = yard.served().edited
    assert edited is not None
    assert edited.startswith(f"{yard.entry_kind} ")
    assert edited.endswith("set by kubectl-edit")
    found = yard.cluster.get(yard.entry_kind, NAME)["spec"]
    for weights in ({2: 0.5, 1: 0.5}, {1: 1.0}):
        with pytest.raises(EditedByHand) as caught:
            yard.serve(weights, token=2)
        assert "kubectl-edit" in str(caught.value)
    assert yard.cluster.get(yard.entry_kind, NAME)["spec"] == found
    yard.cluster.patch(yard.entry_kind, NAME, {"spec": undo}, manager="kubectl-edit")
    assert yard.served().edited is None
    yard.serve({1: 1.0}, token=2)
    assert yard.served().version == 1


def test_an_edit_of_the_replicas_is_seen_and_left_alone(routed: Yard) -> None:
    """Whoever scales a version by hand is named."""
    routed.serve({1: 1.0})
    routed.cluster.patch("Deployment", f"{NAME}-v1", {"spec": {"replicas": 2}}, "kubectl-scale")
    said = "version 1 has 2 replicas instead of 1, set by kubectl-scale"
    assert routed.served().edited == said
    with pytest.raises(EditedByHand, match="edited by hand"):
        routed.serve(SHARED, token=2)
    assert routed.cluster.get("Deployment", f"{NAME}-v1")["spec"]["replicas"] == 2


def test_a_rollout_that_came_too_late_changes_nothing(routed: Yard) -> None:
    """The newer one's token stands on the entry."""
    routed.serve({1: 1.0}, token=5)
    settled(routed.cluster)
    before, writes = routed.state(), routed.writes()
    with pytest.raises(Superseded, match="belongs to a newer rollout"):
        routed.another().apply(MODEL, weights={2: 1.0}, keep=(1,), token=4)
    assert routed.state() == before
    assert routed.writes() == writes


def test_a_rollout_overtaken_while_it_waits_gives_up(routed: Yard) -> None:
    """It neither gives its version a share nor deletes what the newer one made."""
    routed.serve({1: 1.0}, token=1)
    newer = routed.another()
    taken: list[int] = []

    def overtake(seconds: float) -> None:
        if not taken:
            taken.append(1)
            newer.apply(MODEL, weights={3: 1.0}, keep=(1,), token=9)
        time.sleep(seconds)

    object.__setattr__(routed.platform._ground, "sleep", overtake)  # noqa: SLF001
    with pytest.raises(Superseded):
        routed.serve(SHARED, token=2)
    assert taken
    assert routed.served().version == 3
    assert routed.served().token == 9


class Killed(BaseException):
    """The process ends here, and nothing more of it happens."""


@pytest.mark.parametrize("goal", [{2: 0.1, 1: 0.9}, {2: 1.0}], ids=["share", "switch"])
def test_a_change_killed_before_any_write_is_gone_on_with(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, goal: dict[int, float]
) -> None:
    """Clients are answered throughout; a repeat ends as it would have, or the way back does."""
    yard.serve({1: 1.0}, 2, token=1)
    keep = tuple({1, 2} - set(goal))
    apply, delete = ClusterObjects.apply, ClusterObjects.delete
    with yard.clients() as clients:
        for token, writes in enumerate(range(0, 12, 2), start=2):
            left = [writes]

            def fused(act: Callable[..., Any], left: list[int] = left) -> Callable[..., Any]:
                def burn(*given: Any, **words: Any) -> Any:
                    if left[0] == 0:
                        raise Killed
                    left[0] -= 1
                    return act(*given, **words)

                return burn

            with monkeypatch.context() as patch:
                patch.setattr(ClusterObjects, "apply", fused(apply))
                patch.setattr(ClusterObjects, "delete", fused(delete))
                with suppress(Killed):
                    yard.another().apply(MODEL, weights=goal, keep=keep, token=token)
            if writes % 4:
                yard.another().apply(MODEL, weights=goal, keep=keep, token=token)
                assert set(yard.served().weights) == set(goal)
            yard.another().apply(MODEL, weights={1: 1.0}, keep=(2,), token=token)
            assert yard.served().version == 1
        clients.after(10)
    assert not clients.failures


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "times": 2},
        {"status": 500, "times": 2},
        {"status": 503, "times": 3},
        {"status": None, "times": 1, "hang_seconds": 1.5},
        {"verb": "patch", "kind": "HTTPRoute", "status": 409, "times": 1},
        {"verb": "patch", "kind": "HTTPRoute", "status": 500, "times": 1, "after": True},
        {"verb": "patch", "kind": "Deployment", "status": 500, "times": 2, "after": True},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_an_api_that_stumbles_is_asked_again(
    routed: Yard, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """Refusals and silences that pass, another writer, and a reply that was lost."""
    monkeypatch.setattr(wire, "READ_SECONDS", 1.0)
    monkeypatch.setattr(wire, "LONGEST_WAIT_SECONDS", 0.1)
    routed.serve({1: 1.0}, 2)
    routed.cluster.fail(**fault)
    routed.serve(SHARED, token=2)
    assert routed.served().weights == pytest.approx(SHARED)


def test_an_api_that_is_away_is_unavailable(routed: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is served goes on, and a later attempt may help."""
    monkeypatch.setattr(wire, "READ_SECONDS", 0.3)
    monkeypatch.setattr(wire, "LONGEST_WAIT_SECONDS", 0.1)
    routed.serve({1: 1.0})
    with routed.clients() as clients:
        for fault in ({"status": 500}, {"status": 429}, {"status": None, "hang_seconds": 1}):
            routed.cluster.fail(**fault, times=None)
            with pytest.raises(ClusterUnavailable):
                routed.served()
            with pytest.raises(ClusterUnavailable):
                routed.serve(SHARED, token=2)
            routed.cluster.recover()
        clients.after(20)
    assert not clients.failures
    assert routed.served().version == 1


def test_an_account_without_rights_is_denied(routed: Yard, registry: MlflowRegistry) -> None:
    """In the server's own words, at once."""
    nobody = platform_on(routed.cluster, routed.spec, registry, account="slipway-stages")
    with pytest.raises(Denied, match="does not let us get HTTPRoute") as caught:
        nobody.served(MODEL)
    assert 'cannot get resource "httproutes"' in str(caught.value)
    assert len([one for one in routed.cluster.requests if one.status == 403]) == 1


def test_a_lost_node_takes_only_its_servers(cluster: Cluster, registry: MlflowRegistry) -> None:
    """One of two servers goes on; the version is healthy, and a way back is possible."""
    yard = Yard(cluster, registry, by_route=True, replicas=2)
    yard.serve({1: 1.0}, 2)
    lost = cluster.pods({"slipway/version": "1"})[0]["spec"]["nodeName"]
    cluster.lose_node(lost)
    yard.serve({2: 1.0}, 1, token=2)
    assert yard.served().version == 2
    assert yard.platform.ask(MODEL, request_body()).version == 2


def test_a_trial_shows_the_real_server_and_leaves_nothing(yard: Yard, tmp_path: Path) -> None:
    """Its answers, memory and cold start; what a killed trial left behind is no trial of ours."""
    yard.serve({1: 1.0})
    for manifest in trial_objects(yard.spec, 3, sizing=_sizing(yard.spec)):
        yard.cluster.apply(manifest, manager="slipway")
    with yard.platform.boot(MODEL, version=2, folder=tmp_path) as candidate:
        assert candidate.cold_start_s > 0
        assert 20 < candidate.resident_mib < 2000
        assert candidate.infer(request_body()).version == 2
        assert candidate.refuses(b"{")
        assert yard.versions() == [f"{NAME}-v1", f"{NAME}-v2-trial"]
        assert yard.served().weights == {1: 1.0}
        for _ in range(20):
            assert yard.platform.ask(MODEL, request_body()).version == 1
    assert yard.versions() == [f"{NAME}-v1"]
    assert not [one for one in yard.cluster.list("Service") if "trial" in one["metadata"]["name"]]


def test_a_trial_that_is_never_ready_is_refused(routed: Yard, tmp_path: Path) -> None:
    """And deleted; a pod that cannot be made is nobody's fault and may be tried again."""
    boot = routed.platform.boot
    with (
        pytest.raises(RolloutRefused, match="does not become ready"),
        boot(MODEL, version=UNREADY, folder=tmp_path),
    ):
        pass
    assert routed.versions() == []
    routed.cluster.quota(pods=0)
    with (
        pytest.raises(PlatformUnavailable, match="does not become ready") as caught,
        boot(MODEL, version=1, folder=tmp_path),
    ):
        pass
    assert "exceeded quota" in str(caught.value)
    assert routed.versions() == []


def test_what_is_not_ours_is_left_alone(routed: Yard) -> None:
    """A Deployment that bears the model's label, but not that Slipway manages it."""
    foreign = _foreign()
    routed.cluster.apply(foreign, manager="kubectl")
    routed.serve({1: 1.0})
    for manifest in trial_objects(routed.spec, 3, sizing=_sizing(routed.spec)):
        routed.cluster.apply(manifest, manager="slipway")
    routed.serve({2: 1.0}, token=2)
    assert routed.versions() == ["another", f"{NAME}-v2"]
    assert routed.served().weights == {2: 1.0}


def test_nothing_can_be_served_at_all(yard: Yard) -> None:
    """A first version that is taken back leaves an entry that leads nowhere, and its token."""
    yard.serve({1: 1.0})
    yard.serve({}, token=2)
    assert yard.served() == Served({}, {}, (), 2)
    assert yard.versions() == []
    yard.cluster.wait("nobody answers", lambda: not _is_answered(yard))
    with pytest.raises(Superseded):
        yard.serve({1: 1.0}, token=1)
    yard.serve({2: 1.0}, token=3)
    assert yard.served().version == 2


def test_a_running_version_keeps_its_pods(routed: Yard, registry: MlflowRegistry) -> None:
    """A spec that was edited since takes effect with the next version."""
    routed.serve({1: 1.0})
    image = "server:2"
    routed.cluster.images.add(image)
    edited = Yard(routed.cluster, registry, by_route=True, image=image, ready_seconds=20)
    edited.serve(SHARED, token=2)
    found = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in routed.cluster.list("Deployment")
    }
    assert found == {f"{NAME}-v1": IMAGE, f"{NAME}-v2": image}


def test_without_gateways_a_route_is_not_tried(
    tmp_path: Path, mlflow_server: str, registry: MlflowRegistry
) -> None:
    """A spec that names one serves all the same, by numbers of servers."""
    with a_cluster(tmp_path, mlflow_server, gateway=False) as cluster:
        gateway = {"name": "gateway", "namespace": "infra", "url": "http://gateway.infra"}
        yard = Yard(cluster, registry, by_route=False, gateway=gateway)
        yard.serve({1: 1.0})
        yard.serve(SHARED, token=2)
        assert yard.served().weights == pytest.approx({2: 0.5, 1: 0.5})
        assert yard.platform.ask(MODEL, request_body()).version in {1, 2}


def test_a_version_that_is_not_there_is_not_served(routed: Yard) -> None:
    """The registry is asked before anything changes."""
    routed.serve({1: 1.0})
    with pytest.raises(NotFound):
        routed.serve({99: 0.1, 1: 0.9}, token=2)
    assert routed.served().weights == {1: 1.0}


def _is_answered(yard: Yard) -> bool:
    try:
        yard.platform.ask(MODEL, request_body())
    except PlatformUnavailable:
        return False
    return True


def _sizing(spec: ModelSpec) -> Any:
    from slipway.adapters.platforms.cluster.sizing import sizing

    assert spec.deployment.kubernetes is not None
    return sizing(spec.deployment.kubernetes, {})


def _foreign() -> dict[str, Any]:
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "base", "image": IMAGE, "command": ["sleep", "600"]}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "another",
            "namespace": "slipway",
            "labels": {"slipway/model": MODEL, "slipway/version": "9"},
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "another"}},
            "template": {"metadata": {"labels": {"app": "another"}}, "spec": pod},
        },
    }
