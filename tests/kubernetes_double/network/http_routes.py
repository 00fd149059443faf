"""HTTPRoutes: status, matching, and weighted backends.

Source: gateway.networking.k8s.io/v1, "HTTPRouteRule" and "HTTPRouteMatch".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONTROLLER = "example.org/gateway-of-the-double"

FindService = Callable[[str, str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class RoutedRequest:
    """The parts of a request that routes match.

    Args:
        host: Host without the port.
        path: Its path.
    """

    host: str
    path: str


@dataclass(frozen=True)
class MatchedRule:
    """The rule that a request matches.

    Args:
        namespace: Namespace of the route.
        rule: The rule.
    """

    namespace: str
    rule: Mapping[str, Any]


def parent_of(route: Mapping[str, Any], gateway: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A route's reference to a Gateway, or None."""
    own = route["metadata"]["namespace"]
    meta = gateway["metadata"]
    for reference in route["spec"].get("parentRefs") or ():
        kind, namespace = reference.get("kind", "Gateway"), reference.get("namespace", own)
        if (kind, namespace, reference["name"]) == ("Gateway", meta["namespace"], meta["name"]):
            found: Mapping[str, Any] = reference
            return found
    return None


def unresolved(route: Mapping[str, Any], service: FindService) -> tuple[str, str] | None:
    """Reason and message of an unresolved backend; None: all are resolved."""
    own = route["metadata"]["namespace"]
    for rule in route["spec"].get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            fault = backend_fault(backend, own, service)
            if fault is not None:
                return fault
    return None


def backend_fault(
    backend: Mapping[str, Any], namespace: str, service: FindService
) -> tuple[str, str] | None:
    """Reason and message of one backend's fault; None: it is resolved."""
    if service(namespace, backend["name"]) is None:
        return "BackendNotFound", f"Service {namespace}/{backend['name']} not found"
    return None


def choose(routes: Iterable[Mapping[str, Any]], query: RoutedRequest) -> MatchedRule | None:
    """The most specific rule that a request matches, or None."""
    found = [
        (rank, MatchedRule(route["metadata"]["namespace"], rule))
        for route in routes
        for rule in route["spec"].get("rules") or ()
        for match in _matches(rule)
        if (rank := _rank(route, match, query))
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _matches(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return rule.get("matches") or ({},)


def _rank(
    route: Mapping[str, Any], match: Mapping[str, Any], query: RoutedRequest
) -> tuple[int, ...] | None:
    """Precedence of a match; None: the request does not match."""
    names = route["spec"].get("hostnames") or ()
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    if (names and query.host not in names) or not _has_path(path, query.path):
        return None
    return (int(bool(names)), int(path.get("type") == "Exact"), len(path["value"].rstrip("/")))


def _has_path(path: Mapping[str, Any], given: str) -> bool:
    value = path["value"]
    if path.get("type") == "Exact":
        return bool(given == value)
    prefix = value.rstrip("/")
    return bool(given == prefix or given.startswith(f"{prefix}/"))


def shares(rule: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Backends of a rule with a weight above 0, and their weights."""
    backends = [each for each in rule.get("backendRefs") or () if each.get("weight", 1) > 0]
    return backends, [each.get("weight", 1) for each in backends]


def conditions(unresolved: tuple[str, str] | None, generation: int) -> Sequence[dict[str, Any]]:
    """Conditions of a route: always accepted, with reason and message of an unresolved backend."""
    resolved = ("ResolvedRefs", "Resolved all the Object references for the Route")
    return [
        {
            "type": kind,
            "status": str(fault is None),
            "reason": (fault or good)[0],
            "message": (fault or good)[1],
            "observedGeneration": generation,
        }
        for kind, fault, good in (
            ("Accepted", None, ("Accepted", "Route is accepted")),
            ("ResolvedRefs", unresolved, resolved),
        )
    ]
