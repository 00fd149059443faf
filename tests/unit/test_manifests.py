"""Manifests of a model on a cluster: valid, restricted, and with exact selectors."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.names import (
    candidate_name,
    object_name,
    pods_name,
    version_name,
    version_of,
)
from tests.support.admission import KUBERNETES, NAME, objections, validate
from tests.support.manifests import (
    CLUSTERS,
    TRAFFICS,
    cases,
    containers,
    everything,
    of_kind,
    pods,
    selected,
    spec_of,
)


@pytest.mark.parametrize("version", KUBERNETES)
@cases
def test_every_manifest_is_valid(
    cluster: Mapping[str, Any], traffic: Traffic, version: str
) -> None:
    """Each field is known to Kubernetes and has the right type."""
    for manifest in everything(spec_of(cluster), traffic):
        validate(manifest, version)


def places(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a manifest whose keys are field names."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key not in {"labels", "annotations", "matchLabels", "selector", "nodeSelector"}:
                yield from places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner)


@pytest.mark.parametrize("version", KUBERNETES)
def test_a_misspelt_field_is_caught(version: str) -> None:
    """A misspelt field anywhere in a manifest fails validation."""
    objects = everything(spec_of(CLUSTERS["everything"]), TRAFFICS["canary"])
    missed = []
    for manifest in {one["kind"]: one for one in reversed(objects)}.values():
        for number, _ in enumerate(places(manifest)):
            broken = copy.deepcopy(manifest)
            place = next(itertools.islice(places(broken), number, None))
            if place.keys() == {"cpu", "memory"} or place.keys() == {"memory"}:
                continue
            place["misspelt"] = 1
            try:
                validate(broken, version)
            except (kubernetes_validate.ValidationError, jsonschema.ValidationError):
                continue
            missed.append((manifest["kind"], sorted(place)))
    assert missed == []


def test_a_wrong_type_is_caught() -> None:
    """A number written as text fails validation."""
    [deployment, *_] = everything(spec_of({}), TRAFFICS["one"])
    deployment["spec"]["replicas"] = "2"
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment, "1.36")


@cases
def test_every_pod_is_restricted(cluster: Mapping[str, Any], traffic: Traffic) -> None:
    """A namespace with the restricted Pod Security standard admits every pod."""
    for pod in pods(everything(spec_of(cluster), traffic)).values():
        assert objections(pod["spec"]) == []


@cases
def test_each_deployment_selects_its_own_pods(cluster: Mapping[str, Any], traffic: Traffic) -> None:
    """A Deployment's selector matches its own template, and no other."""
    objects = everything(spec_of(cluster), traffic)
    for name, deployment in of_kind(objects, "Deployment").items():
        selector = {"spec": {"selector": deployment["spec"]["selector"]["matchLabels"]}}
        assert selected(selector, objects) == {name}
        for spread in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"] == deployment["spec"]["selector"]


@cases
def test_each_service_selects_its_pods(cluster: Mapping[str, Any], traffic: Traffic) -> None:
    """A version's Services and budget select that version; a candidate's select the candidate."""
    objects = everything(spec_of(cluster), traffic)
    services = of_kind(objects, "Service")
    candidate = candidate_name("flight_delay", 4)
    assert selected(services.pop(candidate), objects) == {candidate}
    for name, service in services.items():
        assert candidate not in selected(service, objects), name
    for version in {*traffic.shares, *traffic.keep}:
        called = version_name("flight_delay", version)
        budget = of_kind(objects, "PodDisruptionBudget")[called]["spec"]["selector"]["matchLabels"]
        for service in (services[called], services[pods_name("flight_delay", version)]):
            assert selected(service, objects) == {called}
            assert service["spec"]["selector"] == budget


@cases
def test_manifests_are_deterministic(cluster: Mapping[str, Any], traffic: Traffic) -> None:
    """The text does not depend on the order of the weights."""
    turned = Traffic(
        traffic.token, dict(reversed(traffic.shares.items())), traffic.keep, traffic.since
    )
    first, again = (json.dumps(everything(spec_of(cluster), one)) for one in (traffic, turned))
    assert first == again


@cases
def test_no_manifest_holds_a_secret(cluster: Mapping[str, Any], traffic: Traffic) -> None:
    """Variables have plain values; Secrets are named, and mounted by the server only."""
    for pod in pods(everything(spec_of(cluster), traffic)).values():
        for name, container in containers(pod).items():
            variables = {one["name"] for one in container.get("env", [])}
            assert variables <= {
                *("SLIPWAY_SCRATCH", "SLIPWAY_TOKENS_FILE", "SLIPWAY_PII_KEY_FILE"),
                *("SLIPWAY_LOG_FSYNC", "SLIPWAY_TRUSTED_KEYS", "POD_NAME"),
            }
            sources = {next(iter(one)) for one in container["envFrom"]}
            assert ("secretRef" in sources) == (name != "server")
            mounted = {one["name"] for one in container["volumeMounts"]}
            own = {"keys"} if name == "download" else set()
            assert mounted <= {"model", "scratch", "tmp", "log"} | own or name == "server"


names = st.from_regex(r"[a-z][a-z0-9_]{1,62}", fullmatch=True)


@given(names, st.integers(1, 9_999_999))
def test_names_fit_kubernetes(model: str, version: int) -> None:
    """Every name is one that a Service may have."""
    for name in (
        object_name(model),
        version_name(model, version),
        pods_name(model, version),
        candidate_name(model, version),
    ):
        jsonschema.validate(name, NAME | {"pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"})


@given(st.sets(names, min_size=2, max_size=2), st.integers(1, 99), st.integers(1, 99))
def test_no_two_models_share_a_name(models: set[str], version: int, other: int) -> None:
    """Neither entry points nor versions of two models have the same name."""
    one, two = (
        {object_name(it), version_name(it, version), version_name(it, other)} for it in models
    )
    assert one.isdisjoint(two)


def test_a_model_named_like_a_version_is_no_version() -> None:
    """`delay_v3` is not version 3 of `delay`, nor its candidate."""
    assert object_name("delay") == "delay"
    for model in ("delay_v3", "delay_v3_trial", "delay_v3_pods"):
        assert object_name(model).startswith(model.replace("_", "-") + "-")
    assert object_name("delay_v3") != version_name("delay", 3)


def test_a_version_is_read_from_its_objects() -> None:
    """Objects of a version name it; entry points and candidates do not."""
    objects = everything(spec_of({}), TRAFFICS["one"])
    versions = {one["metadata"]["name"]: version_of(one) for one in objects}
    assert versions == {
        "flight-delay": None,
        "flight-delay-v3": 3,
        "flight-delay-v3-pods": 3,
        "flight-delay-v4-trial": None,
    }


def test_a_label_has_to_be_possible() -> None:
    """A model on a cluster has a name that is a valid label."""
    with pytest.raises(ValidationError, match="no label of Kubernetes ends in `_`"):
        spec_of({}, model="delay_")
