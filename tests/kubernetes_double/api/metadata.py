"""Metadata that the server writes: uid, versions and times."""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.api.kinds import Kind
from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.problems import bad_request, conflict

Object = dict[str, Any]

_SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "selfLink")
_GRACE = "deletionGracePeriodSeconds"


def begin(obj: Object, kind: Kind) -> dict[str, Any]:
    """Write and return the metadata of a new object.

    Raises:
        ApiProblem: 400.
    """
    meta: dict[str, Any] = obj.setdefault("metadata", {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + "".join(
            random.choices("bcdfghjklmnpqrstvwxz2456789", k=5)
        )
    if not meta.get("name"):
        raise bad_request("name or generateName is required")
    if meta.pop("resourceVersion", None):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for field in (*_SYSTEM, "managedFields", _GRACE):
        meta.pop(field, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
    if kind.counted:
        meta["generation"] = 1
    obj["apiVersion"] = kind.api_version
    return meta


def require_newest(kind: Kind, written: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Compare a writer's resourceVersion with the stored one.

    Raises:
        ApiProblem: 409.
    """
    version = written.get("resourceVersion")
    if version and version != stored["resourceVersion"]:
        why = (
            "the object has been modified; please apply your changes to the latest version"
            " and try again"
        )
        raise conflict(kind.resource, stored["name"], why)


def require_preconditions(
    kind: Kind, stored: Mapping[str, Any], *, uid: str | None, version: str | None
) -> None:
    """Compare the preconditions of a deletion with the stored object.

    Raises:
        ApiProblem: 409.
    """
    for word, field, wanted in (
        ("UID", "uid", uid),
        ("ResourceVersion", "resourceVersion", version),
    ):
        if wanted is not None and stored[field] != wanted:
            why = (
                f"the {word} in the precondition ({wanted}) does not match the {word} in record "
                f"({stored[field]}). The object might have been deleted and then recreated"
            )
            raise conflict(kind.resource, stored["name"], why)


def with_half(kind: Kind, obj: Object, before: Object, *, subresource: str) -> Object:
    """The written half of an object, with the stored other half."""
    if subresource == "status":
        return {**copy.deepcopy(before), "status": obj.get("status", {})}
    for field in (*_SYSTEM, "resourceVersion", "managedFields", _GRACE):
        obj["metadata"].pop(field, None)
        if field in before["metadata"]:
            obj["metadata"][field] = copy.deepcopy(before["metadata"][field])
    if "status" in kind.subresources:
        obj.pop("status", None)
        if "status" in before:
            obj["status"] = copy.deepcopy(before["status"])
    return obj


def counts_as_generation(kind: Kind, obj: Object, before: Object) -> bool:
    """Whether a write changes more than metadata and status."""
    return kind.counted and {**obj, "metadata": 0, "status": 0} != {
        **before,
        "metadata": 0,
        "status": 0,
    }
