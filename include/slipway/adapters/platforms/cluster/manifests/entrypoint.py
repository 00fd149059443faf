"""The entry point of a model: one Service, and a route by weight where the cluster has Gateways.

The route is the entry point where there is one, else the Service. Its annotations record the
requested traffic, so that shares, fencing token and baseline counts change in a single write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from slipway.adapters.platforms.cluster.manifests.last_applied import record_last_applied
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import (
    PORT,
    entrypoint_selector,
    model_labels,
    object_name,
    version_name,
    version_selector,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, service
from slipway.adapters.platforms.cluster.manifests.weights import route_weights
from slipway.spec import ModelSpec
from slipway.spec.cluster import Gateway

TOKEN = "slipway/token"  # noqa: S105 - the fencing token, a number
SHARES = "slipway/shares"
KEEP = "slipway/keep"
SINCE = "slipway/since"
SETTINGS = "slipway/settings"
ROUTE_API = "gateway.networking.k8s.io/v1"


@dataclass(frozen=True)
class Traffic:
    """The traffic that a rollout requested.

    Attributes:
        token: The rollout's fencing token; 0: none.
        shares: Share of the requests by version; they sum to 1.
        keep: Versions that stay warm without a share.
        since: Request counts of each server when these shares came into force, by its instance.
        settings: Digests of the servers' ConfigMap when this rollout claimed the traffic; None:
            not recorded.
    """

    token: int
    shares: Mapping[int, float]
    keep: tuple[int, ...] = ()
    since: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] | None = None

    def annotations(self) -> dict[str, str]:
        """The same, as annotations of the entry point."""
        return {
            TOKEN: str(self.token),
            SHARES: _json({str(version): share for version, share in self.shares.items()}),
            KEEP: _json(sorted(self.keep)),
            SINCE: _json(self.since),
            **({} if self.settings is None else {SETTINGS: _json(self.settings)}),
        }

    @classmethod
    def from_annotations(cls, manifest: Manifest) -> Self | None:
        """Parse the annotations of an entry point; None where they are absent or invalid."""
        found = manifest["metadata"].get("annotations") or {}
        try:
            shares = json.loads(found[SHARES])
            return cls(
                token=int(found[TOKEN]),
                shares={int(version): float(share) for version, share in shares.items()},
                keep=tuple(int(version) for version in json.loads(found.get(KEEP, "[]"))),
                since=dict(json.loads(found.get(SINCE, "{}"))),
                settings=dict(json.loads(found[SETTINGS])) if SETTINGS in found else None,
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            return None


def entry_service(
    spec: ModelSpec,
    shares: Mapping[int, float],
    *,
    by_route: bool,
    traffic: Traffic | None = None,
    resource_version: str | None = None,
) -> dict[str, Any]:
    """The Service for clients inside the cluster.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        shares: Share of the requests by version, each more than 0.
        by_route: Whether a route splits the traffic. This Service then selects the version with the
            largest share; without a route it selects, while several versions share the traffic,
            the servers of all of them.
        traffic: The requested traffic, where this is the entry point.
        resource_version: Of the object that is changed, to refuse any other state of it.
    """
    if len(shares) == 1 or by_route:
        selector = version_selector(spec.model, largest_share(shares))
    else:
        selector = entrypoint_selector(spec.model)
    return record_last_applied(
        service(_metadata(spec, traffic, resource_version), selector=selector)
    )


def route(
    spec: ModelSpec,
    shares: Mapping[int, float],
    *,
    traffic: Traffic | None = None,
    resource_version: str | None = None,
) -> dict[str, Any]:
    """The HTTPRoute that splits the traffic, and leads `…/versions/N` to that version.

    A version that is kept warm without a share is listed with weight 0, so that the proxy has its
    endpoints already when it gets the traffic back. Other versions are not listed.

    Args:
        spec: The model, with its `deployment.kubernetes` and a gateway.
        shares: Share of the requests by version, each more than 0.
        traffic: The requested traffic, which names the versions that are kept warm.
        resource_version: Of the object that is changed, to refuse any other state of it.
    """
    gateway = cluster_of(spec).gateway
    assert gateway is not None, "only a spec with a gateway has a route"  # noqa: S101
    by_version = dict.fromkeys(traffic.keep if traffic else (), 0) | route_weights(shares)
    path = f"/v2/models/{spec.model}"
    pinned = [
        _rule(f"{path}/versions/{version}", [_backend(spec.model, version, 1)])
        for version in sorted(by_version)
    ]
    split = [_backend(spec.model, version, by_version[version]) for version in sorted(by_version)]
    return record_last_applied(
        {
            "apiVersion": ROUTE_API,
            "kind": "HTTPRoute",
            "metadata": _metadata(spec, traffic, resource_version),
            "spec": {
                "parentRefs": [_parent(gateway)],
                # An empty list is all hosts, and a field of Slipway's.
                "hostnames": [gateway.hostname] if gateway.hostname else [],
                "rules": [*pinned, _rule(path, split)],
            },
        }
    )


def largest_share(shares: Mapping[int, float]) -> int:
    """The version with the largest share; of equal shares, the older one."""
    return min(shares, key=lambda version: (-shares[version], version))


def _metadata(
    spec: ModelSpec, traffic: Traffic | None, resource_version: str | None
) -> dict[str, Any]:
    return {
        "name": object_name(spec.model),
        "namespace": cluster_of(spec).namespace,
        **({"resourceVersion": resource_version} if resource_version else {}),
        "labels": model_labels(spec.model),
        **({"annotations": traffic.annotations()} if traffic else {}),
    }


def _parent(gateway: Gateway) -> dict[str, Any]:
    return {
        "group": ROUTE_API.partition("/")[0],
        "kind": "Gateway",
        "name": gateway.name,
        **({"namespace": gateway.namespace} if gateway.namespace else {}),
    }


def _rule(path: str, backends: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": backends,
    }


def _backend(model: str, version: int, weight: int) -> dict[str, Any]:
    name = version_name(model, version)
    return {"group": "", "kind": "Service", "name": name, "port": PORT, "weight": weight}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
