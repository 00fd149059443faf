"""Validation: errors with status 422, before admission."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.kubernetes_double.api.kinds import kind_of
from tests.kubernetes_double.api.naming_rules import (
    Cause,
    annotation_faults,
    each_once,
    invalid_value,
    label_faults,
    name_faults,
)
from tests.kubernetes_double.api.pod_validation import pod_faults
from tests.kubernetes_double.api.problems import invalid
from tests.kubernetes_double.api.schema import validate_schema
from tests.kubernetes_double.api.selectors import object_selector

Fields = dict[str, Any]


def validate(_objects: Any, obj: Fields, before: Fields | None) -> None:
    """Refuse an object with faults; a check for `Objects`.

    Raises:
        ApiProblem: 422 with every fault.
    """
    kind = kind_of(obj["kind"])
    causes = [*_schema_faults(obj)] or [*_metadata_faults(obj), *_own_faults(obj, before)]
    if causes:
        raise invalid(kind.full_name, obj["metadata"]["name"], causes)


def _schema_faults(obj: Fields) -> Iterator[Cause]:
    faults = validate_schema(kind_of(obj["kind"]), obj)
    for field in faults.missing:
        yield ("FieldValueRequired", field, "Required value")
    for field, value, wanted in faults.unsupported:
        listed = ", ".join(json.dumps(item) for item in wanted)
        sentence = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
        yield ("FieldValueNotSupported", field, sentence)
    for field, kind in faults.mistyped:
        yield ("FieldValueTypeInvalid", field, f"Invalid value: must be of type {kind}")


def _metadata_faults(obj: Fields) -> Iterator[Cause]:
    meta = obj["metadata"]
    yield from name_faults(kind_of(obj["kind"]), meta["name"])
    yield from label_faults(meta.get("labels") or {}, "metadata.labels")
    yield from annotation_faults(meta.get("annotations") or {}, "metadata.annotations")


def _own_faults(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    if test := _BY_KIND.get(obj["kind"]):
        yield from test(obj, before)


def _pod(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    if before is None:
        yield from pod_faults(obj["spec"], "spec")


def _deployment(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    spec, template = obj["spec"], obj["spec"]["template"]
    if before and before["spec"]["selector"] != spec["selector"]:
        shown = json.dumps(spec["selector"])
        yield ("FieldValueInvalid", "spec.selector", f"Invalid value: {shown}: field is immutable")
    labels = (template.get("metadata") or {}).get("labels") or {}
    where = "spec.template.metadata.labels"
    yield from label_faults(labels, where)
    if not spec["selector"] or not object_selector(spec["selector"])(labels):
        shown = json.dumps(labels)
        sentence = f"Invalid value: {shown}: `selector` does not match template `labels`"
        yield ("FieldValueInvalid", where, sentence)
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        sentence = f'Unsupported value: "{policy}": supported values: "Always"'
        yield ("FieldValueNotSupported", "spec.template.spec.restartPolicy", sentence)
    if spec.get("replicas", 0) < 0:
        yield invalid_value(
            "spec.replicas", str(spec["replicas"]), "must be greater than or equal to 0"
        )
    yield from pod_faults(template["spec"], "spec.template.spec")


def _service(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    del before
    spec = obj["spec"]
    ports = spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and spec["type"] != "ExternalName":
        yield ("FieldValueRequired", "spec.ports", "Required value")
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield ("FieldValueRequired", f"spec.ports[{index}].name", "Required value")
        if not 0 < port["port"] < 65536:
            where = f"spec.ports[{index}].port"
            sentence = "must be between 1 and 65535, inclusive"
            yield invalid_value(where, str(port["port"]), sentence)
    names = [port["name"] for port in ports if port.get("name")]
    yield from each_once(names, lambda index: f"spec.ports[{index}].name")
    yield from label_faults(spec.get("selector") or {}, "spec.selector")


def _budget(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    del before
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield (
            "FieldValueInvalid",
            "spec",
            "Invalid value: minAvailable and maxUnavailable cannot be both set",
        )


def _route(obj: Fields, before: Fields | None) -> Iterator[Cause]:
    del before
    for index, rule in enumerate(obj["spec"].get("rules") or ()):
        for at, backend in enumerate(rule.get("backendRefs") or ()):
            where = f"spec.rules[{index}].backendRefs[{at}]"
            if not 0 <= backend.get("weight", 1) <= 1_000_000:
                sentence = "should be between 0 and 1000000"
                yield invalid_value(f"{where}.weight", str(backend["weight"]), sentence)
            if backend.get("kind") == "Service" and not backend.get("port"):
                sentence = "Invalid value: Must have port for Service reference"
                yield ("FieldValueInvalid", where, sentence)


_BY_KIND: dict[str, Callable[[Fields, Fields | None], Iterator[Cause]]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _deployment,
    "Service": _service,
    "PodDisruptionBudget": _budget,
    "HTTPRoute": _route,
}
