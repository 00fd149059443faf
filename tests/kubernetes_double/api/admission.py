"""Admission: namespaces, service accounts, Pod Security, policies and quotas."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.kubernetes_double.api.kinds import kind_of
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.pod_security import violations
from tests.kubernetes_double.api.policies import policies_allow
from tests.kubernetes_double.api.problems import forbidden, not_found
from tests.kubernetes_double.api.quantities import quantity

Fields = dict[str, Any]
_LEVEL = "pod-security.kubernetes.io/enforce"


def namespace_is_there(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Refuse a new object in a namespace that does not exist."""
    kind = kind_of(obj["kind"])
    if before is None and kind.namespaced:
        name = obj["metadata"].get("namespace", "")
        if objects.find("Namespace", "", name) is None:
            raise not_found("namespaces", name)


def account_is_there(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Refuse a pod whose service account does not exist; `default` always does."""
    if obj["kind"] != "Pod" or before is not None:
        return
    name, namespace = obj["spec"].get("serviceAccountName", "default"), _namespace(obj)
    if name != "default" and objects.find("ServiceAccount", namespace, name) is None:
        where = f"{namespace}/{name}"
        why = f'error looking up service account {where}: serviceaccount "{name}" not found'
        raise forbidden("pods", obj["metadata"]["name"], why)


def pod_is_restricted(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Refuse a pod that violates its namespace's Pod Security standard."""
    if obj["kind"] != "Pod" or before is not None:
        return
    namespace = objects.find("Namespace", "", _namespace(obj)) or {"metadata": {}}
    if (namespace["metadata"].get("labels") or {}).get(_LEVEL) != "restricted":
        return
    if found := violations(obj["spec"]):
        why = f'violates PodSecurity "restricted:latest": {", ".join(found)}'
        raise forbidden("pods", obj["metadata"]["name"], why)


def quota_allows(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Refuse an object that exceeds a ResourceQuota."""
    if before is not None or not kind_of(obj["kind"]).namespaced:
        return
    for quota in objects.list("ResourceQuota", _namespace(obj)):
        _stay_within(objects, quota, obj)


def _stay_within(objects: Objects, quota: Fields, obj: Fields) -> None:
    hard = (quota.get("spec") or {}).get("hard") or {}
    requested = {name: amount for name in hard if (amount := usage(obj, name)) is not None}
    resource, name = kind_of(obj["kind"]).resource, obj["metadata"]["name"]
    if missing := [item for item in requested if _lacks_amount(obj, item)]:
        containers = ", ".join(container["name"] for container in obj["spec"]["containers"])
        what = ", ".join(f"{item} for: {containers}" for item in sorted(missing))
        raise forbidden(
            resource, name, f"failed quota: {quota['metadata']['name']}: must specify {what}"
        )
    peers = [peer for peer in objects.list(obj["kind"], _namespace(obj)) if counts(peer)]
    used = {
        item: sum((usage(peer, item) or Decimal(0) for peer in peers), Decimal(0))
        for item in requested
    }
    over = sorted(item for item in requested if used[item] + requested[item] > quantity(hard[item]))
    if not over:
        return
    parts = [
        f"{word}: " + ",".join(f"{item}={_shown(amounts[item])}" for item in over)
        for word, amounts in (("requested", requested), ("used", used), ("limited", hard))
    ]
    why = f"exceeded quota: {quota['metadata']['name']}, {', '.join(parts)}"
    raise forbidden(resource, name, why)


def counts(obj: Fields) -> bool:
    """Whether an object counts for quotas: a pod that has ended does not."""
    phase = (obj.get("status") or {}).get("phase")
    return obj["kind"] != "Pod" or phase not in ("Succeeded", "Failed")


def usage(obj: Fields, item: str) -> Decimal | None:
    """Amount of a quota's item that an object uses; None: the item does not apply."""
    kind = kind_of(obj["kind"])
    if item in (kind.resource, f"count/{kind.resource}"):
        return Decimal(1)
    if obj["kind"] != "Pod" or item not in _AMOUNTS:
        return None
    verb, name = _AMOUNTS[item]
    return _amount(obj["spec"], verb, name)


_AMOUNTS = {
    f"{verb}.{name}": (verb, name) for verb in ("requests", "limits") for name in ("cpu", "memory")
} | {name: ("requests", name) for name in ("cpu", "memory")}


def _amount(spec: Fields, verb: str, name: str) -> Decimal:
    """Resources of a pod: containers and sidecars together, or the largest init container."""

    def of(container: Fields) -> Decimal:
        return quantity(((container.get("resources") or {}).get(verb) or {}).get(name, 0))

    lasting = list(map(of, spec["containers"]))
    first = spec.get("initContainers") or ()
    lasting += [of(item) for item in first if item.get("restartPolicy") == "Always"]
    return max([sum(lasting, Decimal(0)), *map(of, first)])


def _lacks_amount(obj: Fields, item: str) -> bool:
    if obj["kind"] != "Pod" or item not in _AMOUNTS:
        return False
    verb, name = _AMOUNTS[item]
    return any(
        name not in ((container.get("resources") or {}).get(verb) or {})
        for container in obj["spec"]["containers"]
    )


def _shown(amount: object) -> str:
    return f"{amount.normalize():f}" if isinstance(amount, Decimal) else str(amount)


def _namespace(obj: Fields) -> str:
    return str(obj["metadata"].get("namespace", ""))


ADMISSION: tuple[Callable[[Objects, Fields, Fields | None], None], ...] = (
    namespace_is_there,
    account_is_there,
    pod_is_restricted,
    policies_allow,
    quota_allows,
)
