"""What the server keeps of an object besides what clients say: uid, versions, times."""

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
    """The metadata of a new object, written into it.

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


def be_newest(kind: Kind, asked: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Hold the version and the uid that a writer names against those that are there.

    Raises:
        ApiProblem: 409.
    """
    version, uid = asked.get("resourceVersion"), asked.get("uid")
    if version and version != there["resourceVersion"]:
        why = (
            "the object has been modified; please apply your changes to the latest version"
            " and try again"
        )
        raise conflict(kind.resource, there["name"], why)
    if uid and uid != there["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {there['uid']}"
        raise conflict(kind.resource, there["name"], why)


def be_meant(kind: Kind, there: Mapping[str, Any], *, uid: str | None, version: str | None) -> None:
    """Hold the preconditions of a deletion against what is there.

    Raises:
        ApiProblem: 409.
    """
    for word, field, wanted in (
        ("UID", "uid", uid),
        ("ResourceVersion", "resourceVersion", version),
    ):
        if wanted is not None and there[field] != wanted:
            why = (
                f"the {word} in the precondition ({wanted}) does not match the {word} in record "
                f"({there[field]}). The object might have been deleted and then recreated"
            )
            raise conflict(kind.resource, there["name"], why)


def with_half(kind: Kind, obj: Object, before: Object, *, subresource: str) -> Object:
    """What a write to one half may change, and of everything else what is there."""
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
