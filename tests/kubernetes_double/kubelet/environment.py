"""A container's environment and command line, as a kubelet would make them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.kubernetes_double.api.quantities import quantity
from tests.kubernetes_double.kubelet.volumes import Get, contents, pod_field

_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")


class BadContainerConfig(Exception):
    """What an environment refers to is not there; the kubelet tries again."""


def environment(
    container: Mapping[str, Any], pod: Mapping[str, Any], base: Mapping[str, str], *, get: Get
) -> dict[str, str]:
    """Names and values of `envFrom` and `env` on top of a base.

    Args:
        container: Its part of the pod's spec.
        pod: The pod, with its address in the status.
        base: What every container has.
        get: ConfigMap or Secret by kind and name; None: not there.

    Raises:
        BadContainerConfig: Something that is not optional is not there.
    """
    found = dict(base)
    for source in container.get("envFrom") or ():
        found |= _from(source, get)
    for item in container.get("env") or ():
        value = _value(item, container, pod, get)
        if value is not None:
            found[item["name"]] = expand(value, found)
    return found


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with `$(NAME)` replaced where there is such a name, and `$$` by `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def service_links(services: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What every container hears of the Services of its namespace, unless it asks not to."""
    found = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if address in (None, "", "None"):
            continue
        name = service["metadata"]["name"].upper().replace("-", "_")
        ports = service["spec"].get("ports") or ()
        for port in ports:
            protocol = port.get("protocol", "TCP")
            link = f"{protocol.lower()}://{address}:{port['port']}"
            found[f"{name}_PORT_{port['port']}_{protocol}"] = link
            if port.get("name"):
                key = f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"
                found[key] = str(port["port"])
        if ports:
            found[f"{name}_SERVICE_HOST"] = address
            found[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
            found[f"{name}_PORT"] = f"tcp://{address}:{ports[0]['port']}"
    return found


def _from(source: Mapping[str, Any], get: Get) -> dict[str, str]:
    kind, key = (
        ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
    )
    reference, prefix = source[key], source.get("prefix", "")
    obj = get(kind, reference["name"])
    if obj is None:
        if reference.get("optional"):
            return {}
        raise BadContainerConfig(f'{kind.lower()} "{reference["name"]}" not found')
    return {f"{prefix}{name}": data.decode() for name, data in contents(obj).items()}


def _value(
    item: Mapping[str, Any], container: Mapping[str, Any], pod: Mapping[str, Any], get: Get
) -> str | None:
    source = item.get("valueFrom")
    if not source:
        return str(item.get("value") or "")
    if "fieldRef" in source:
        return pod_field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_field(source["resourceFieldRef"], container)
    kind, key = (
        ("ConfigMap", "configMapKeyRef")
        if "configMapKeyRef" in source
        else ("Secret", "secretKeyRef")
    )
    return _key(kind, source[key], pod, get)


def _key(kind: str, reference: Mapping[str, Any], pod: Mapping[str, Any], get: Get) -> str | None:
    obj = get(kind, reference["name"])
    data = contents(obj) if obj else {}
    if reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    if obj is None:
        raise BadContainerConfig(f'{kind.lower()} "{reference["name"]}" not found')
    where = f"{pod['metadata']['namespace']}/{reference['name']}"
    raise BadContainerConfig(f"couldn't find key {reference['key']} in {kind} {where}")


def resource_field(reference: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """A request or limit in units of its divisor, rounded up."""
    half, _, name = reference["resource"].partition(".")
    given = (container.get("resources") or {}).get(half, {}).get(name, "0")
    amount = quantity(given) / quantity(reference.get("divisor") or "1")
    return str(-int(-amount // 1))
