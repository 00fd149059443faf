"""The pod of a model server: files, resources, and the order of its shutdown."""

from __future__ import annotations

import pytest

from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.adapters.platforms.cluster.manifests.render import render_manifests
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.server_pod import (
    DRAIN_SECONDS,
    LEAVE_SECONDS,
    SHIP_SECONDS,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from tests.support.admission import validate
from tests.support.manifests import (
    CLUSTERS,
    TRAFFICS,
    containers,
    everything,
    of_kind,
    pods,
    spec_of,
)


def test_tokens_and_key_are_files_of_the_server() -> None:
    """They are required: a server without its tokens file would answer everybody."""
    objects = everything(spec_of(CLUSTERS["everything"]), TRAFFICS["one"])
    for pod in pods(objects).values():
        server = containers(pod)["server"]
        env = {one["name"]: one["value"] for one in server["env"]}
        mounts = {one["name"]: one["mountPath"] for one in server["volumeMounts"]}
        secrets = {one["name"]: one["secret"] for one in pod["spec"]["volumes"] if "secret" in one}
        assert env["SLIPWAY_TOKENS_FILE"] == f"{mounts['tokens']}/tokens"
        assert env["SLIPWAY_PII_KEY_FILE"] == f"{mounts['pii']}/key"
        assert secrets["tokens"]["secretName"] == "delay-tokens"
        assert not any(secret.get("optional") for secret in secrets.values())


def test_trusted_keys_are_required_of_download_and_server() -> None:
    """Both verify the version; without the ConfigMap the pod does not start."""
    objects = everything(spec_of(CLUSTERS["everything"]), TRAFFICS["one"])
    for pod in pods(objects).values():
        download = next(one for one in pod["spec"]["initContainers"] if one["name"] == "download")
        for container in (download, containers(pod)["server"]):
            env = {one["name"]: one["value"] for one in container["env"]}
            mount = next(one for one in container["volumeMounts"] if one["name"] == "keys")
            assert env["SLIPWAY_TRUSTED_KEYS"] == mount["mountPath"]
            assert mount["readOnly"]
        (source,) = (one["configMap"] for one in pod["spec"]["volumes"] if one["name"] == "keys")
        assert source["name"] == "trusted-keys"
        assert not source.get("optional")


def test_a_pod_leaves_in_order() -> None:
    """It waits until requests stop, drains the others, and ships the rest of its log."""
    objects = everything(spec_of({}), TRAFFICS["one"])
    pod = pods(objects)["flight-delay-v3"]
    [download, shipper] = pod["spec"]["initContainers"]
    assert (download["name"], shipper["name"]) == ("download", "shipper")
    assert shipper["restartPolicy"] == "Always"
    assert shipper["args"] == ["ship", "--patience", str(SHIP_SECONDS)]
    server = containers(pod)["server"]
    assert server["lifecycle"]["preStop"]["sleep"]["seconds"] == LEAVE_SECONDS
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace >= LEAVE_SECONDS + DRAIN_SECONDS + SHIP_SECONDS


def test_a_log_on_a_claim_outlives_its_pod() -> None:
    """Each server has a folder of its own, and what others left is shipped before it serves."""
    objects = everything(spec_of(CLUSTERS["claim"]), TRAFFICS["one"])
    pod = pods(objects)["flight-delay-v3"]
    [recover, download, shipper] = pod["spec"]["initContainers"]
    assert [one["name"] for one in (recover, download)] == ["recover", "download"]
    beside = ["--beside", "/var/slipway/logs"]
    assert recover["args"] == ["ship", "--once", "--patience", "30", *beside]
    assert "restartPolicy" not in recover
    assert shipper["args"] == ["ship", "--patience", str(SHIP_SECONDS), *beside]
    server = containers(pod)["server"]
    for one in (recover, shipper, server):
        mounts = {mount["mountPath"]: mount for mount in one["volumeMounts"]}
        assert mounts["/var/slipway/scratch/log"]["subPathExpr"] == "$(POD_NAME)"
        assert ("/var/slipway/logs" in mounts) == (one is not server)
    assert {"name": "SLIPWAY_LOG_FSYNC", "value": "true"} in server["env"]
    claim = {"claimName": "slipway-logs"}
    assert {"name": "log", "persistentVolumeClaim": claim} in pod["spec"]["volumes"]
    candidate = pods(objects)["flight-delay-v4-trial"]
    assert "persistentVolumeClaim" not in str(candidate)


def test_a_candidate_is_the_same_server_without_a_log() -> None:
    """Only its labels and its shutdown differ from a serving version's."""
    spec = spec_of(CLUSTERS["everything"])
    size = sizing(cluster_of(spec), {})
    [candidate, _] = candidate_objects(spec, 3, sizing=size)
    tried = candidate["spec"]["template"]
    served = pods(render_manifests(spec, TRAFFICS["one"], {}))["flight-delay-v3"]
    assert "shipper" not in containers(tried)
    assert "slipway/version" not in tried["metadata"]["labels"]
    assert "slipway/lane" not in tried["metadata"]["labels"]
    expected = {**containers(served)["server"]}
    del expected["lifecycle"]
    assert containers(tried)["server"] == expected
    assert containers(tried)["download"] == containers(served)["download"]


def test_a_single_server_lets_its_node_be_drained() -> None:
    """The budget allows one eviction, and any of an unready server."""
    objects = everything(spec_of({"replicas": 1}), TRAFFICS["one"])
    budget = of_kind(objects, "PodDisruptionBudget")["flight-delay-v3"]["spec"]
    assert (budget["maxUnavailable"], "minAvailable" in budget) == (1, False)
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize(
    ("tags", "memory", "limit", "startup"),
    [
        ({}, "512Mi", "1Gi", 240),
        ({"slipway.resident_mib": "83.2"}, "112Mi", "368Mi", 240),
        ({"slipway.resident_mib": "819.2", "slipway.cold_start_s": "1.1"}, "1Gi", "2Gi", 60),
        ({"slipway.cold_start_s": "12"}, "512Mi", "1Gi", 120),
        ({"slipway.cold_start_s": "1000"}, "512Mi", "1Gi", 240),
        ({"slipway.resident_mib": "much", "slipway.cold_start_s": "nan"}, "512Mi", "1Gi", 240),
        ({"slipway.resident_mib": "-1", "slipway.cold_start_s": "inf"}, "512Mi", "1Gi", 240),
    ],
)
def test_a_server_requests_the_measured_memory(
    tags: dict[str, str], memory: str, limit: str, startup: int
) -> None:
    """A quarter more than measured, normalised; without a measurement, the spec's values."""
    size = sizing(cluster_of(spec_of({})), tags)
    assert (size.memory_request, size.memory_limit, size.startup_seconds) == (
        memory,
        limit,
        startup,
    )
    assert size.cpu == "250m"


def test_cpu_is_requested_and_not_limited() -> None:
    """A limit would slow a server down on an idle node; memory has one, with head-room."""
    for pod in pods(everything(spec_of({}), TRAFFICS["canary"])).values():
        for container in containers(pod).values():
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"memory"}


@pytest.mark.parametrize("memory", ["512Mi", "2Gi", "1G", "600M", "1073741824", "1.5Gi"])
def test_a_limit_exceeds_its_request_in_any_unit(memory: str) -> None:
    """In any unit of the spec, the limit is valid and larger."""
    spec = spec_of({"resources": {"cpu": "1", "memory": memory}})
    objects = everything(spec, TRAFFICS["one"])
    validate(objects[0], "1.36")
    size = sizing(cluster_of(spec), {})
    assert size.memory_request == memory
    assert size.memory_limit.endswith(("Mi", "Gi"))
