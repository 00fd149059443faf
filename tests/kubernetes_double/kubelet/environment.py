"""Environment and command line of a container."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.kubelet.volumes import Get, contents

_POD_FIELDS = {f"metadata.{name}": name for name in ("name", "namespace", "uid")}
_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")


class BadContainerConfig(Exception):
    """A reference of the environment is missing; the kubelet retries."""


def environment(
    container: Mapping[str, Any], pod: Mapping[str, Any], base: Mapping[str, str], *, get: Get
) -> dict[str, str]:
    """Variables of `envFrom` and `env`, added to a base.

    Args:
        container: The container in the pod's spec.
        pod: The pod.
        base: Variables of every container.
        get: Returns a ConfigMap or Secret by kind and name, or None.

    Raises:
        BadContainerConfig: A reference that is not optional is missing.
    """
    found = dict(base)
    for source in container.get("envFrom") or ():
        found |= _from(source, get)
    for item in container.get("env") or ():
        value = _value(item, pod, get)
        if value is not None:
            found[item["name"]] = expand(value, found)
    return found


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with `$(NAME)` expanded if the variable exists, and `$$` replaced by `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


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


def _value(item: Mapping[str, Any], pod: Mapping[str, Any], get: Get) -> str | None:
    source = item.get("valueFrom")
    if not source:
        return str(item.get("value") or "")
    [(key, reference)] = source.items()
    if key == "fieldRef" and reference["fieldPath"] in _POD_FIELDS:
        return str(pod["metadata"][_POD_FIELDS[reference["fieldPath"]]])
    kind = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}.get(key)
    if kind is None:
        raise BadContainerConfig(f"the double has no variables from {key}")
    return _key(kind, reference, pod, get)


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
