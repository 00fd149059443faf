"""What HTTPRoutes say: whether a Gateway takes them, and which backends a request goes to.

Source: gateway.networking.k8s.io/v1, "HTTPRouteRule" and "HTTPRouteMatch".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

CONTROLLER = "example.org/gateway-of-the-double"
_FILTERS = {"URLRewrite", "RequestHeaderModifier", "ResponseHeaderModifier"}

FindService = Callable[[str, str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Query:
    """A request, as far as routes look at it.

    Args:
        host: Its host, without the port.
        path: Its path.
        method: Its HTTP method.
        headers: By name in lower case.
        arguments: What stands behind `?`.
    """

    host: str
    path: str
    method: str
    headers: Mapping[str, str]
    arguments: str = ""


@dataclass(frozen=True)
class Chosen:
    """The rule that a request falls under.

    Args:
        namespace: That of its route.
        rule: The rule.
        prefix: The part of the path that it matched, for filters that replace it.
    """

    namespace: str
    rule: Mapping[str, Any]
    prefix: str


def parent_of(route: Mapping[str, Any], gateway: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reference by which a route asks for a Gateway; None: it asks for others."""
    own = route["metadata"]["namespace"]
    meta = gateway["metadata"]
    for reference in route["spec"].get("parentRefs") or ():
        kind, namespace = reference.get("kind", "Gateway"), reference.get("namespace", own)
        if (kind, namespace, reference["name"]) == ("Gateway", meta["namespace"], meta["name"]):
            found: Mapping[str, Any] = reference
            return found
    return None


def refusal(route: Mapping[str, Any], gateway: Mapping[str, Any]) -> tuple[str, str] | None:
    """Reason and message with which a Gateway turns a route away; None: it takes it."""
    reference = parent_of(route, gateway) or {}
    listeners = [
        listener
        for listener in gateway["spec"].get("listeners") or ()
        if reference.get("sectionName") in (None, listener["name"])
        and reference.get("port") in (None, listener["port"])
    ]
    if not listeners:
        return "NoMatchingParent", "No listener of the Gateway matches the parent reference"
    if not any(_lets_in(listener, route, gateway) for listener in listeners):
        return "NotAllowedByListeners", "No listener allows routes of this namespace"
    names = route["spec"].get("hostnames") or ()
    held = [listener.get("hostname") for listener in listeners]
    if names and not any(name is None or _meets(one, name) for one in names for name in held):
        return "NoMatchingListenerHostname", "No listener has a hostname of this route"
    for rule in route["spec"].get("rules") or ():
        for each in rule.get("filters") or ():
            if each["type"] not in _FILTERS:
                return "UnsupportedValue", f"The double has no filter {each['type']}"
    return None


def _lets_in(
    listener: Mapping[str, Any], route: Mapping[str, Any], gateway: Mapping[str, Any]
) -> bool:
    allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    if allowed.get("from", "Same") == "Same":
        return bool(route["metadata"]["namespace"] == gateway["metadata"]["namespace"])
    return bool(allowed["from"] == "All")


def unresolved(route: Mapping[str, Any], service: FindService) -> tuple[str, str] | None:
    """Reason and message where a backend is not what it should be; None: all are there."""
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
    """Reason and message where one backend is not what it should be; None: it is there."""
    if (backend.get("group", ""), backend.get("kind", "Service")) != ("", "Service"):
        return "InvalidKind", f"Backends of the kind {backend['kind']} are not known here"
    where = backend.get("namespace", namespace)
    if where != namespace:
        return "RefNotPermitted", f"No ReferenceGrant lets the route reach into {where}"
    if service(where, backend["name"]) is None:
        return "BackendNotFound", f"Service {where}/{backend['name']} not found"
    return None


def choose(routes: Iterable[Mapping[str, Any]], query: Query) -> Chosen | None:
    """The rule that a request falls under, the most special first; None: there is none."""
    found = [
        (rank, Chosen(route["metadata"]["namespace"], rule, prefix))
        for route in routes
        for rule in route["spec"].get("rules") or ()
        for match in _matches(rule)
        for rank, prefix in _ranks(route, match, query)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _matches(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return rule.get("matches") or ({},)


def _ranks(
    route: Mapping[str, Any], match: Mapping[str, Any], query: Query
) -> list[tuple[tuple[int, ...], str]]:
    """How special a match is, and the prefix that it took; nothing: it is none."""
    names = route["spec"].get("hostnames") or ()
    hosts = (
        [0]
        if not names
        else [len(name) + 1000 * ("*" not in name) for name in names if _meets(name, query.host)]
    )
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    headers, arguments = match.get("headers") or (), match.get("queryParams") or ()
    given = dict(parse_qsl(query.arguments, keep_blank_values=True))
    fits = (
        bool(hosts)
        and _has_path(path, query.path)
        and match.get("method") in (None, query.method)
        and all(query.headers.get(each["name"].lower()) == each["value"] for each in headers)
        and all(given.get(each["name"]) == each["value"] for each in arguments)
    )
    if not fits:
        return []
    rank = (
        max(hosts),
        int(path.get("type") == "Exact"),
        len(path["value"].rstrip("/")),
        int("method" in match),
        len(headers),
        len(arguments),
    )
    return [(rank, path["value"].rstrip("/"))]


def _meets(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return pattern == host


def _has_path(path: Mapping[str, Any], given: str) -> bool:
    value = path["value"]
    if path.get("type") == "Exact":
        return bool(given == value)
    prefix = value.rstrip("/")
    return bool(given == prefix or given.startswith(f"{prefix}/"))


def shares(rule: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Backends of a rule that have a weight, and their weights."""
    backends = [each for each in rule.get("backendRefs") or () if each.get("weight", 1) > 0]
    return backends, [each.get("weight", 1) for each in backends]


def rewritten(rule: Mapping[str, Any], query: Query, prefix: str) -> tuple[str, dict[str, str]]:
    """Path and headers with which a request goes on."""
    path, headers = query.path, dict(query.headers)
    for each in rule.get("filters") or ():
        if each["type"] == "URLRewrite":
            rewrite = each["urlRewrite"]
            path = _new_path(rewrite.get("path"), path, prefix)
            if rewrite.get("hostname"):
                headers["host"] = rewrite["hostname"]
        elif each["type"] == "RequestHeaderModifier":
            headers = modified(each["requestHeaderModifier"], headers)
    return path, headers


def answered(rule: Mapping[str, Any], headers: dict[str, str]) -> dict[str, str]:
    """Headers with which an answer goes back."""
    for each in rule.get("filters") or ():
        if each["type"] == "ResponseHeaderModifier":
            headers = modified(each["responseHeaderModifier"], headers)
    return headers


def modified(change: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
    """Headers after `set`, `add` and `remove`."""
    gone = {name.lower() for name in change.get("remove") or ()}
    kept = {name: value for name, value in headers.items() if name.lower() not in gone}
    kept |= {each["name"].lower(): each["value"] for each in change.get("set") or ()}
    for each in change.get("add") or ():
        name = each["name"].lower()
        kept[name] = f"{kept[name]},{each['value']}" if name in kept else each["value"]
    return kept


def _new_path(rewrite: Mapping[str, Any] | None, path: str, prefix: str) -> str:
    if not rewrite:
        return path
    if rewrite["type"] == "ReplaceFullPath":
        return str(rewrite["replaceFullPath"])
    rest = path[len(prefix) :]
    return (str(rewrite["replacePrefixMatch"]).rstrip("/") + rest) or "/"


def conditions(
    accepted: tuple[str, str] | None, resolved: tuple[str, str] | None, generation: int
) -> Sequence[dict[str, Any]]:
    """What a Gateway says of a route: reason and message where something is wrong."""
    taken = ("Accepted", "Route is accepted")
    there = ("ResolvedRefs", "Resolved all the Object references for the Route")
    return [
        {
            "type": kind,
            "status": str(fault is None),
            "reason": (fault or good)[0],
            "message": (fault or good)[1],
            "observedGeneration": generation,
        }
        for kind, fault, good in (("Accepted", accepted, taken), ("ResolvedRefs", resolved, there))
    ]
