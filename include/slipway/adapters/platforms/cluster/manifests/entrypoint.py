"""The entry point of a model: one Service, and a route by weight where the cluster has Gateways.

One of the two is the entry: it carries what was asked of the traffic, so that shares, fencing
token and the counts they began with change in a single write or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from slipway.adapters.platforms.cluster.manifests.last_applied import with_note
from slipway.adapters.platforms.cluster.manifests.names import (
    PORT,
    lane_selector,
    model_labels,
    object_name,
    version_name,
    version_selector,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, service
from slipway.adapters.platforms.cluster.manifests.weights import weights
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
    """What a rollout asked of the traffic.

    Attributes:
        token: Its fencing token; 0: no rollout asked.
        shares: Share of the requests by version; they sum to 1.
        keep: Versions that stay warm without a share.
        since: What each server had counted when these shares came into force, by its address.
        settings: Digests of what the servers' ConfigMap held when this rollout claimed the
            traffic; None: nobody noted it.
    """

    token: int
    shares: Mapping[int, float]
    keep: tuple[int, ...] = ()
    since: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] | None = None

    def annotations(self) -> dict[str, str]:
        """The same, as annotations of the entry."""
        return {
            TOKEN: str(self.token),
            SHARES: _json({str(version): share for version, share in self.shares.items()}),
            KEEP: _json(sorted(self.keep)),
            SINCE: _json(self.since),
            **({} if self.settings is None else {SETTINGS: _json(self.settings)}),
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self | None:
        """What an entry's annotations say; None where they say nothing, or nothing sensible."""
        said = manifest["metadata"].get("annotations") or {}
        try:
            shares = json.loads(said[SHARES])
            return cls(
                token=int(said[TOKEN]),
                shares={int(version): float(share) for version, share in shares.items()},
                keep=tuple(int(version) for version in json.loads(said.get(KEEP, "[]"))),
                since=dict(json.loads(said.get(SINCE, "{}"))),
                settings=dict(json.loads(said[SETTINGS])) if SETTINGS in said else None,
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
    """The Service that clients inside the cluster ask.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        shares: Share of the requests by version, each more than 0.
        by_route: Whether a route splits the traffic. This Service then leads to the version with
            the largest share, since other versions run without one; else, while several share the
            traffic, to the servers of all of them.
        traffic: What was asked, where this is the entry.
        resource_version: Of the object that is changed, if it has to be that very one.
    """
    if len(shares) == 1 or by_route:
        selector = version_selector(spec.model, leading(shares))
    else:
        selector = lane_selector(spec.model)
    return with_note(service(_metadata(spec, traffic, resource_version), selector=selector))


def route(
    spec: ModelSpec,
    shares: Mapping[int, float],
    *,
    traffic: Traffic | None = None,
    resource_version: str | None = None,
) -> dict[str, Any]:
    """The HTTPRoute that splits the traffic, and leads `…/versions/N` to that version.

    A version that is warm without a share stays in the list with weight 0: the proxy knows its
    servers already when it gets the traffic back. Any other version is in no list.

    Args:
        spec: The model, with its `deployment.kubernetes` and a gateway.
        shares: Share of the requests by version, each more than 0.
        traffic: What was asked, where this is the entry; says which versions are warm.
        resource_version: Of the object that is changed, if it has to be that very one.
    """
    gateway = cluster_of(spec).gateway
    assert gateway is not None, "only a spec with a gateway has a route"  # noqa: S101
    by_version = dict.fromkeys(traffic.keep if traffic else (), 0) | weights(shares)
    path = f"/v2/models/{spec.model}"
    pinned = [
        _rule(f"{path}/versions/{version}", [_backend(spec.model, version, 1)])
        for version in sorted(by_version)
    ]
    split = [_backend(spec.model, version, by_version[version]) for version in sorted(by_version)]
    return with_note(
        {
            "apiVersion": ROUTE_API,
            "kind": "HTTPRoute",
            "metadata": _metadata(spec, traffic, resource_version),
            "spec": {
                "parentRefs": [_parent(gateway)],
                **({"hostnames": [gateway.hostname]} if gateway.hostname else {}),
                "rules": [*pinned, _rule(path, split)],
            },
        }
    )


def leading(shares: Mapping[int, float]) -> int:
    """The version with the largest share; of equal ones the older."""
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
