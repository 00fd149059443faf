"""Versions that cannot serve: they get no traffic, and the champion goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster.api_client import open_cluster
from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from slipway.errors import (
    NotFound,
    PlatformUnavailable,
    RegistryUnavailable,
    RolloutRefused,
    SlipwayError,
)
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import SHARED, ClusterModel, default_sizing
from tests.support.models_on_cluster import CRASHING, IMAGE, MODEL, NAME, UNREADY, request_body


@pytest.mark.parametrize(
    ("version", "message"),
    [(CRASHING, "0 of 1 servers are ready"), (UNREADY, "0 of 1 servers are ready")],
    ids=["crash-looping", "never ready"],
)
def test_a_version_that_does_not_become_ready_gets_nothing(
    routed: ClusterModel, version: int, message: str
) -> None:
    """The error counts ready servers; the champion serves, and the version can be removed."""
    routed.serve({1: 1.0})
    with routed.clients() as clients:
        with pytest.raises(PlatformUnavailable, match="do not become ready") as caught:
            routed.serve({version: 0.1, 1: 0.9}, token=2)
        assert message in str(caught.value)
        assert "kubectl --namespace slipway-serving describe pods" in str(caught.value)
        assert routed.served().weights == {1: 1.0}
        routed.serve({1: 1.0}, token=2)
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    assert routed.versions() == [f"{NAME}-v1"]
    assert not [one for one in routed.cluster.list("Service") if "-v4" in one["metadata"]["name"]]


def test_an_image_that_is_missing_and_a_quota_that_is_full(routed: ClusterModel) -> None:
    """The champion serves in both cases; the error of a refused pod has the API's message."""
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


def test_an_abort_does_not_wait_for_what_is_broken(routed: ClusterModel) -> None:
    """The weight changes first, then the version is removed; a dead server's counts are kept."""
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


@pytest.mark.parametrize("reason", [NotFound("deleted"), RegistryUnavailable("away")])
def test_a_warm_version_that_cannot_start_delays_nothing(
    routed: ClusterModel, reason: SlipwayError
) -> None:
    """Its pod is gone, and the registry does not give it: the traffic changes even so."""
    routed.serve({1: 1.0}, 2, 3)
    routed.cluster.wait("all are ready", lambda: all(routed.served().healthy.values()))
    routed.cluster.missing_image(IMAGE)
    [pod] = routed.cluster.pods({"slipway/version": "2"})
    routed.cluster.delete("Pod", pod["metadata"]["name"], grace_seconds=0)
    routed.cluster.wait("it is unhealthy", lambda: not routed.served().healthy[2])

    def lost(_: int) -> Mapping[str, str]:
        raise reason

    platform = ClusterPlatform(
        routed.spec,
        open_cluster(routed.cluster.namespace, kubeconfig=routed.cluster.kubeconfig()),
        tags=lost,
    )
    with routed.clients() as clients:
        began = time.monotonic()
        platform.apply(MODEL, weights={3: 1.0}, keep=(1, 2), token=2, is_urgent=True)
        assert time.monotonic() - began < 10
        clients.after(10)
    assert not clients.failures
    assert routed.served().version == 3


def test_a_lost_node_takes_only_its_servers(cluster: Cluster, registry: MlflowRegistry) -> None:
    """One of two servers goes on; the version is healthy, and a rollback is possible."""
    model = ClusterModel(cluster, registry, by_route=True, replicas=2)
    model.serve({1: 1.0}, 2)
    lost = cluster.pods({"slipway/version": "1"})[0]["spec"]["nodeName"]
    cluster.lose_node(lost)
    model.serve({2: 1.0}, 1, token=2)
    assert model.served().version == 2
    assert model.platform.ask(MODEL, request_body()).version == 2


def test_a_candidate_is_measured_and_removed(model: ClusterModel, tmp_path: Path) -> None:
    """Its answers, memory and cold start; an abandoned candidate is not reused."""
    model.serve({1: 1.0})
    for manifest in candidate_objects(model.spec, 3, sizing=default_sizing(model.spec)):
        model.cluster.apply(manifest, manager="slipway")
    sha256 = model.digests(2)[2]
    with model.platform.boot(MODEL, version=2, folder=tmp_path, digest=sha256) as candidate:
        assert candidate.cold_start_s > 0
        assert 20 < candidate.resident_mib < 2000
        assert candidate.infer(request_body()).version == 2
        assert candidate.refuses(b"{")
        assert model.versions() == [f"{NAME}-v1", f"{NAME}-v2-trial"]
        assert model.served().weights == {1: 1.0}
        for _ in range(20):
            assert model.platform.ask(MODEL, request_body()).version == 1
    assert model.versions() == [f"{NAME}-v1"]
    assert not [one for one in model.cluster.list("Service") if "trial" in one["metadata"]["name"]]


def test_a_candidate_that_is_never_ready_is_refused(routed: ClusterModel, tmp_path: Path) -> None:
    """And deleted; a pod that cannot be created is a transient error."""
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
