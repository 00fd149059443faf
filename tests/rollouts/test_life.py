"""The life of a model on a cluster: weights, counts, repeats and rollbacks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.errors import (
    NotFound,
    PlatformUnavailable,
    Superseded,
)
from slipway.stages.rollout.platform import Served
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import SHARED, ClusterModel, wait_until_settled
from tests.support.models_on_cluster import IMAGE, MODEL, NAME, open_cluster_double, request_body


def test_a_model_goes_through_its_life(model: ClusterModel) -> None:
    """First version, canary, half, switch, rollback: each in force, without a failed request."""
    assert model.platform.served(MODEL) is None
    model.serve({1: 1.0})
    assert model.served() == Served({1: 1.0}, {1: True}, (), 1, digests=model.digests(1))
    assert model.platform.ask(MODEL, request_body()).version == 1
    with model.clients() as clients:
        model.serve(SHARED, token=2)
        answered = clients.after(150)
        served = model.served()
        assert served.weights == pytest.approx(SHARED if model.by_route else {2: 0.5, 1: 0.5})
        assert served.healthy == {1: True, 2: True}
        assert answered[2] > 0
        asked = sum(tally.asked for tally in served.tallies.values())
        assert answered.total() - 5 <= asked <= answered.total() + 60
        assert served.tallies[2].failed == 0
        assert served.tallies[2].p99_ms is not None
        model.serve({2: 0.5, 1: 0.5}, token=2)
        assert sum(tally.asked for tally in model.served().tallies.values()) < 100
        model.serve({2: 1.0}, 1, token=2)
        both = model.digests(1, 2)
        assert model.served() == Served({2: 1.0}, {1: True, 2: True}, (1,), 2, digests=both)
        switched = clients.after(30)
        began = time.monotonic()
        model.serve({1: 1.0}, 2, token=3)
        took = time.monotonic() - began
        assert set(clients.after(30)) == {1}
    assert set(switched) == {2}
    assert took < 5
    assert not clients.failures
    assert model.served().version == 1


def test_what_a_slow_gateway_still_names_is_kept(
    routed: ClusterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is taken away answers until the gateway has taken the route over."""
    routed.serve({1: 1.0})
    routed.serve({2: 0.5, 1: 0.5}, token=2)
    monkeypatch.setattr(routed.cluster._gateway, "_lag", 1.0)  # noqa: SLF001
    with routed.clients() as clients:
        clients.after(20)
        routed.serve({1: 1.0}, token=2)
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    assert routed.versions() == [f"{NAME}-v1"]


def test_a_canary_restarts_no_server_of_the_champion(model: ClusterModel) -> None:
    """Its template is unchanged, to the order of its lists."""
    model.serve({1: 1.0})
    before = _template(model)
    model.serve(SHARED, token=2)
    assert _template(model) == before
    model.serve({1: 1.0}, token=2)
    assert _template(model) == before


def _template(model: ClusterModel) -> object:
    return model.cluster.get("Deployment", f"{NAME}-v1")["spec"]["template"]


def test_a_repeat_changes_nothing(model: ClusterModel) -> None:
    """Also by another process: no object gets another resource version."""
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    wait_until_settled(model.cluster)
    before = model.state()
    model.serve(SHARED, token=2)
    model.another().apply(MODEL, weights=SHARED, keep=(), token=2)
    assert model.state() == before
    model.serve({2: 1.0}, 1, token=2)
    wait_until_settled(model.cluster)
    before = model.state()
    model.serve({2: 1.0}, 1, token=2)
    assert model.state() == before


def test_the_rollouts_own_checks_are_not_counted(model: ClusterModel) -> None:
    """They request a version by its number, clients the entry point."""
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    for _ in range(5):
        assert model.platform.ask(MODEL, request_body(), version=2).version == 2
    assert model.served().tallies[2].asked == 0


def test_numbers_of_servers_are_the_real_share(cluster: Cluster, registry: MlflowRegistry) -> None:
    """A tenth of two servers is a third of three; warm servers are removed meanwhile."""
    model = ClusterModel(cluster, registry, by_route=False, replicas=2)
    model.serve({1: 1.0}, 3)
    assert model.versions() == [f"{NAME}-v1", f"{NAME}-v3"]
    model.serve(SHARED, 3, token=2)
    served = model.served()
    assert served.weights == pytest.approx({2: 1 / 3, 1: 2 / 3})
    assert served.healthy == {1: True, 2: True}
    with model.clients() as clients:
        assert set(clients.after(60)) == {1, 2}
        model.serve({1: 1.0}, 3, token=2)
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    assert model.versions() == [f"{NAME}-v1", f"{NAME}-v3"]
    kept = cluster.get("Deployment", f"{NAME}-v3")
    assert kept["spec"]["replicas"] == 2


def test_a_server_that_starts_again_counts_on(routed: ClusterModel) -> None:
    """A restarted server counts from zero; the counts of the old one are kept."""
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


def test_nothing_can_be_served_at_all(model: ClusterModel) -> None:
    """The first version is removed; the entry point stays without a backend, with its token."""
    model.serve({1: 1.0})
    model.serve({}, token=2)
    assert model.served() == Served({}, {}, (), 2)
    assert model.versions() == []
    model.cluster.wait("no version answers", lambda: not _is_answered(model))
    with pytest.raises(Superseded):
        model.serve({1: 1.0}, token=1)
    model.serve({2: 1.0}, token=3)
    assert model.served().version == 2


def test_a_running_version_keeps_its_pods(routed: ClusterModel, registry: MlflowRegistry) -> None:
    """An edited spec takes effect with the next version."""
    routed.serve({1: 1.0})
    image = "server:2"
    routed.cluster.images.add(image)
    edited = ClusterModel(routed.cluster, registry, by_route=True, image=image, ready_seconds=20)
    edited.serve(SHARED, token=2)
    found = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in routed.cluster.list("Deployment")
    }
    assert found == {f"{NAME}-v1": IMAGE, f"{NAME}-v2": image}


def test_without_the_gateway_api_no_route_is_written(
    tmp_path: Path, mlflow_server: str, registry: MlflowRegistry
) -> None:
    """A spec with a gateway is served by numbers of servers."""
    with open_cluster_double(tmp_path, mlflow_server, gateway=False) as cluster:
        gateway = {"name": "gateway", "namespace": "infra", "url": "http://gateway.infra"}
        model = ClusterModel(cluster, registry, by_route=False, gateway=gateway)
        model.serve({1: 1.0})
        model.serve(SHARED, token=2)
        assert model.served().weights == pytest.approx({2: 0.5, 1: 0.5})
        assert model.platform.ask(MODEL, request_body()).version in {1, 2}


def test_a_version_that_is_not_there_is_not_served(routed: ClusterModel) -> None:
    """The registry is read before any change."""
    routed.serve({1: 1.0})
    with pytest.raises(NotFound):
        routed.serve({99: 0.1, 1: 0.9}, token=2)
    assert routed.served().weights == {1: 1.0}


def _is_answered(model: ClusterModel) -> bool:
    try:
        model.platform.ask(MODEL, request_body())
    except PlatformUnavailable:
        return False
    return True
