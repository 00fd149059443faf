"""Validation of a pod's spec.

Source: `ValidatePodSpec` in Kubernetes' `pkg/apis/core/validation/validation.go`, in part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.kubernetes_double.api.naming_rules import (
    Cause,
    each_once,
    invalid_value,
    label_1123,
    label_value,
)
from tests.kubernetes_double.api.quantities import quantity

Fields = dict[str, Any]


def pod_faults(spec: Fields, field: str) -> Iterator[Cause]:
    """Faults of a pod's spec."""
    containers = spec.get("containers") or []
    if not containers:
        yield ("FieldValueRequired", f"{field}.containers", "Required value")
    volumes = [volume["name"] for volume in spec.get("volumes") or ()]
    yield from each_once(volumes, lambda index: f"{field}.volumes[{index}].name")
    for index, name in enumerate(volumes):
        if sentence := label_1123(name):
            yield invalid_value(f"{field}.volumes[{index}].name", name, sentence)
    first = spec.get("initContainers") or []
    names = [container["name"] for container in (*first, *containers)]
    yield from each_once(
        names,
        lambda index: (
            f"{field}.initContainers[{index}].name"
            if index < len(first)
            else f"{field}.containers[{index - len(first)}].name"
        ),
    )
    for key, value in (spec.get("nodeSelector") or {}).items():
        if sentence := label_value(value):
            yield invalid_value(f"{field}.nodeSelector.{key}", value, sentence)
    for kind, held in (("initContainers", first), ("containers", containers)):
        for index, container in enumerate(held):
            yield from _container(container, f"{field}.{kind}[{index}]", set(volumes))
            yield from _restart(container, f"{field}.{kind}[{index}]", kind)


def _restart(container: Fields, field: str, kind: str) -> Iterator[Cause]:
    always = container.get("restartPolicy") == "Always"
    if kind == "containers" or always:
        return
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if container.get(name):
            what = "may not be set for init containers without restartPolicy=Always"
            yield ("FieldValueForbidden", f"{field}.{name}", f"Forbidden: {what}")


def _container(container: Fields, field: str, volumes: set[str]) -> Iterator[Cause]:
    if sentence := label_1123(container["name"]):
        yield invalid_value(f"{field}.name", container["name"], sentence)
    if not container.get("image"):
        yield ("FieldValueRequired", f"{field}.image", "Required value")
    yield from _mounts(container.get("volumeMounts") or [], f"{field}.volumeMounts", volumes)
    ports = [port.get("name", "") for port in container.get("ports") or ()]
    for index, name in enumerate(ports):
        if len(name) > 15:
            where = f"{field}.ports[{index}].name"
            yield invalid_value(where, name, "must be no more than 15 characters")
    yield from _resources(container.get("resources") or {}, f"{field}.resources")


def _mounts(mounts: list[Fields], field: str, volumes: set[str]) -> Iterator[Cause]:
    for index, mount in enumerate(mounts):
        if mount["name"] not in volumes:
            where = f"{field}[{index}].name"
            yield ("FieldValueNotFound", where, f'Not found: "{mount["name"]}"')
    paths = [mount["mountPath"] for mount in mounts]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            yield invalid_value(f"{field}[{index}].mountPath", path, "must be unique")


def _resources(resources: Fields, field: str) -> Iterator[Cause]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for name, amount in amounts.items():
            if sentence := _amount_fault(amount):
                yield invalid_value(f"{field}.{kind}.{name}", str(amount), sentence)
                return
    for name, amount in requests.items():
        if name in limits and quantity(amount) > quantity(limits[name]):
            sentence = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid_value(f"{field}.requests", str(amount), sentence)


def _amount_fault(amount: object) -> str:
    try:
        below = quantity(amount) < 0
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return "must be greater than or equal to 0" if below else ""
