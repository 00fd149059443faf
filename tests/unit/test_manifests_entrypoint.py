"""The entry point of a model: weights, and their record in an annotation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.platforms.cluster.manifests.entrypoint import (
    Traffic,
    entry_service,
    largest_share,
    route,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.manifests.weights import (
    WEIGHTS,
    effective_shares,
    replica_counts,
    replica_split,
    route_weights,
    server_counts,
)
from tests.support.admission import validate
from tests.support.manifests import CLUSTERS, TRAFFICS, everything, of_kind, selected, spec_of


def test_the_entry_selects_the_only_weighted_version() -> None:
    """Warm versions run without traffic."""
    objects = everything(spec_of({}), TRAFFICS["kept"])
    assert selected(of_kind(objects, "Service")["flight-delay"], objects) == {"flight-delay-v3"}
    deployments = of_kind(objects, "Deployment")
    replicas = {name: one["spec"]["replicas"] for name, one in deployments.items()}
    for name in ("flight-delay-v2", "flight-delay-v3"):
        assert deployments[name]["metadata"]["annotations"]["slipway/replicas"] == "2"
    assert replicas == {"flight-delay-v2": 2, "flight-delay-v3": 2, "flight-delay-v4-trial": 1}


def test_without_a_gateway_a_canary_is_a_ratio_of_servers() -> None:
    """Two versions are behind the entry point; a version without weight has no server."""
    objects = everything(spec_of({"replicas": 4}), TRAFFICS["canary"])
    replicas = {n: one["spec"]["replicas"] for n, one in of_kind(objects, "Deployment").items()}
    found = selected(of_kind(objects, "Service")["flight-delay"], objects)
    assert {name: replicas[name] for name in found} == {
        "flight-delay-v1": 0,
        "flight-delay-v2": 4,
        "flight-delay-v3": 1,
    }


def test_with_a_gateway_a_canary_is_a_weight() -> None:
    """Warm versions have weight 0; each version can be requested by its number."""
    spec = spec_of(CLUSTERS["gateway"])
    rules = route(spec, TRAFFICS["canary"].shares, traffic=TRAFFICS["canary"])["spec"]["rules"]
    by_path = {
        rule["matches"][0]["path"]["value"]: {
            backend["name"]: backend["weight"] for backend in rule["backendRefs"]
        }
        for rule in rules
    }
    assert by_path == {
        **{
            f"/v2/models/flight_delay/versions/{version}": {f"flight-delay-v{version}": 1}
            for version in (1, 2, 3)
        },
        "/v2/models/flight_delay": {
            "flight-delay-v1": 0,
            "flight-delay-v2": 900,
            "flight-delay-v3": 100,
        },
    }
    service = entry_service(spec, TRAFFICS["canary"].shares, by_route=True)
    assert service["spec"]["selector"]["slipway/version"] == "2"


def test_of_equal_shares_the_older_version_leads() -> None:
    """Clients that bypass the route reach the champion."""
    assert largest_share({3: 0.5, 2: 0.5}) == 2
    assert largest_share({3: 0.51, 2: 0.49}) == 3


def test_the_traffic_is_written_on_the_entry_only() -> None:
    """The route has the annotation where there is one, else the Service; it reads back equal."""
    for cluster, kind in (("plain", "Service"), ("gateway", "HTTPRoute")):
        for traffic in TRAFFICS.values():
            objects = everything(spec_of(CLUSTERS[cluster]), traffic)
            annotated = [one for one in objects if Traffic.from_annotations(one) is not None]
            assert [one["kind"] for one in annotated] == [kind]
            assert Traffic.from_annotations(annotated[0]) == traffic


@pytest.mark.parametrize(
    "annotations",
    [
        None,
        {},
        {"slipway/token": "7"},
        {"slipway/token": "x", "slipway/shares": "{}"},
        {"slipway/token": "7", "slipway/shares": "{"},
        {"slipway/token": "7", "slipway/shares": "[]"},
        {"slipway/token": "7", "slipway/shares": '{"a":1}'},
        {"slipway/token": "7", "slipway/shares": '{"3":1}', "slipway/keep": "4"},
    ],
)
def test_invalid_annotations_are_ignored(annotations: dict[str, str] | None) -> None:
    """An entry point that was made by hand has no requested traffic."""
    assert Traffic.from_annotations({"metadata": {"annotations": annotations}}) is None


def test_an_entry_is_written_with_its_resource_version() -> None:
    """If a resourceVersion is given, the write has it."""
    spec = spec_of(CLUSTERS["gateway"])
    shares = {3: 1.0}
    for made in (
        entry_service(spec, shares, by_route=False, resource_version="41"),
        route(spec, shares, resource_version="41"),
    ):
        assert made["metadata"]["resourceVersion"] == "41"
        validate(made, "1.36")


shares_above_0 = st.floats(0.001, 0.999)
replicas = st.integers(1, 50)
mixes = st.dictionaries(st.integers(1, 99), st.floats(1e-6, 1.0), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("share", "servers", "candidate", "champion", "real"),
    [
        (0.1, 1, 1, 1, 0.5),
        (0.1, 2, 1, 2, 1 / 3),
        (0.1, 9, 1, 9, 0.1),
        (0.1, 20, 2, 20, 1 / 11),
        (0.5, 2, 2, 2, 0.5),
        (0.9, 2, 2, 1, 2 / 3),
        (0.75, 6, 6, 2, 0.75),
    ],
)
def test_a_share_becomes_servers(
    share: float, servers: int, candidate: int, champion: int, real: float
) -> None:
    """The version with the larger weight has all its servers; the effective share is returned."""
    split = replica_split(share, servers)
    assert (split.candidate, split.champion) == (candidate, champion)
    assert split.share == pytest.approx(real)


@given(shares_above_0, replicas)
def test_both_versions_have_a_server(share: float, servers: int) -> None:
    """Each has one at least, and the sum is no less than one version's replicas."""
    split = replica_split(share, servers)
    assert min(split.candidate, split.champion) >= 1
    assert max(split.candidate, split.champion) == servers
    assert split.share == pytest.approx(split.candidate / (split.candidate + split.champion))


@given(shares_above_0, replicas)
def test_no_other_number_of_servers_comes_nearer(share: float, servers: int) -> None:
    """As a ratio to the larger share, the smaller one is off by half a server, or has one."""
    split = replica_split(share, servers)
    smaller = min(share, 1 - share)
    fewer = min(split.candidate, split.champion)
    exact = servers * smaller / (1 - smaller)
    assert fewer == 1 or abs(fewer - exact) <= 0.5 + 1e-9


@given(shares_above_0, shares_above_0, replicas)
def test_a_larger_share_never_gets_less(one: float, other: float, servers: int) -> None:
    """Rising steps increase a version's traffic, or keep it."""
    low, high = sorted((one, other))
    assert replica_split(low, servers).share <= replica_split(high, servers).share


@given(mixes, replicas)
def test_real_shares_are_those_of_the_servers(mix: dict[int, float], servers: int) -> None:
    """They sum to 1, and every version with a weight has one."""
    real = effective_shares(replica_counts(mix, servers))
    assert sum(real.values()) == pytest.approx(1)
    assert real.keys() == mix.keys()


@given(mixes)
def test_weights_are_whole_and_sum_up(mix: dict[int, float]) -> None:
    """Each is off by at most what raising others to 1 costs."""
    found = route_weights(mix)
    assert sum(found.values()) == WEIGHTS
    assert min(found.values()) >= 1
    assert list(found) == sorted(mix)
    total = sum(mix.values())
    for version, weight in found.items():
        assert abs(weight - mix[version] / total * WEIGHTS) <= len(mix)


@pytest.mark.parametrize(
    ("by_route", "shares", "keep", "expected"),
    [
        (False, {3: 1.0}, [2], {2: 1, 3: 4}),
        (False, {3: 0.1, 2: 0.9}, [1], {1: 0, 2: 4, 3: 1}),
        (True, {3: 0.1, 2: 0.9}, [1], {1: 1, 2: 4, 3: 4}),
        (True, {3: 1.0}, [3, 2], {2: 1, 3: 4}),
    ],
)
def test_servers_by_version(
    by_route: bool,  # noqa: FBT001
    shares: dict[int, float],
    keep: list[int],
    expected: dict[int, int],
) -> None:
    """By route every weighted version has all its servers; by ratio warm ones have none."""
    cluster = cluster_of(spec_of({"replicas": 4, "warm_replicas": 1}))
    assert server_counts(cluster, shares, keep, by_route=by_route) == expected
