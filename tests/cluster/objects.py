"""Every object of the double's cluster: what stands in for the API server's etcd.

Each write is checked, counted, recorded and told to subscribers under one lock, so that what
they are told comes in order. A subscriber must therefore do no more than take note.
"""

from __future__ import annotations

import copy
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.cluster.deletion import mark_deleted, stays
from tests.cluster.kinds import Kind, kind_of
from tests.cluster.ownership import Owner, Owners, entries, now, updated
from tests.cluster.problems import ApiProblem, bad_request, conflict, not_found
from tests.cluster.selectors import label_selector

Object = dict[str, Any]
Claim = Callable[[Object | None, Object], Owners]

# How many changes are remembered: a watch from before them gets 410 Gone.
REMEMBERED = 5_000
_SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "selfLink")


@dataclass(frozen=True)
class Change:
    """One change of one object.

    Attributes:
        type: `ADDED`, `MODIFIED` or `DELETED`.
        obj: The object as it is now, or as it was last.
        before: As it was before; None: it was not.
        version: The resourceVersion of the change.
    """

    type: str
    obj: Object
    before: Object | None
    version: int


class Check(Protocol):
    """Defaults, validates or refuses an object that is about to be written, in place."""

    def __call__(self, objects: Objects, obj: Object, before: Object | None, /) -> None:
        """Do so.

        Args:
            objects: Everything there is.
            obj: As it will be.
            before: As it is; None: it is being created.

        Raises:
            ApiProblem: It may not be written.
        """


class Objects:
    """Objects by kind, namespace and name; what it gives out is the receiver's own copy.

    Args:
        checks: What every write passes, in this order.
        remembered: How many changes the history has.

    Attributes:
        lock: Held during each write; held by a reader, nothing changes meanwhile.
        version: resourceVersion of the newest change.
        history: The newest changes, oldest first.
        forgotten: Version of the newest change that is no longer in the history.
    """

    def __init__(self, *checks: Check, remembered: int = REMEMBERED) -> None:
        self.checks = list(checks)
        self.lock = threading.RLock()
        self.version = 1
        self.history: deque[Change] = deque(maxlen=remembered)
        self.forgotten = 0
        self._kept: dict[tuple[str, str, str], Object] = {}
        self._subscribers: list[Callable[[str, Object], None]] = []
        self._listeners: list[Callable[[Change], None]] = []

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object called so; None: it is not there."""
        with self.lock:
            return copy.deepcopy(self._kept.get(_key(kind_of(kind), namespace, name)))

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """The object called so.

        Raises:
            ApiProblem: 404.
        """
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind_of(kind).resource, name)
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """Objects of a kind by namespace and name.

        Args:
            kind: Their kind.
            namespace: Where; None: everywhere.
            selector: Labels, as in `?labelSelector=`.
        """
        matches = label_selector(selector)
        with self.lock:
            found = [
                obj
                for (of_kind, where, _), obj in sorted(self._kept.items())
                if of_kind == kind
                and namespace in (None, where)
                and matches(obj["metadata"].get("labels") or {})
            ]
            return copy.deepcopy(found)

    def create(
        self, obj: Object, *, manager: str = "", claim: Claim | None = None, dry_run: bool = False
    ) -> Object:
        """The object as created: defaulted, with its uid and versions.

        Raises:
            ApiProblem: 409 AlreadyExists, or what a check refuses.
        """
        kind = kind_of(obj["kind"])
        obj = copy.deepcopy(obj)
        with self.lock:
            meta = _new_metadata(obj, kind)
            key = _key(kind, meta.get("namespace", ""), meta["name"])
            if key in self._kept:
                message = f'{kind.resource} "{meta["name"]}" already exists'
                details = {"name": meta["name"], "kind": kind.plural}
                raise ApiProblem(409, "AlreadyExists", message, details)
            if "status" in kind.subresources:
                obj.pop("status", None)
            for check in self.checks:
                check(self, obj, None)
            return self._write(obj, None, claim or _updating(kind, manager), dry_run=dry_run)

    def update(
        self,
        obj: Object,
        *,
        manager: str = "",
        subresource: str = "",
        claim: Claim | None = None,
        dry_run: bool = False,
    ) -> Object:
        """The object as written; one that changes nothing keeps its resourceVersion.

        Args:
            obj: As it shall be; with a resourceVersion, only if that is the newest.
            manager: Who writes, for managedFields.
            subresource: `status` writes only the status, empty everything but the status.
            claim: Who owns what afterwards; None: the writer owns what it changed.
            dry_run: Whether all happens but the writing.

        Raises:
            ApiProblem: 404, 409 Conflict, or what a check refuses.
        """
        kind = kind_of(obj["kind"])
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        with self.lock:
            before = self.get(kind.name, meta.get("namespace", ""), meta["name"])
            _be_newest(kind, meta, before["metadata"])
            obj = _merged_halves(kind, obj, before, subresource=subresource)
            for check in self.checks if subresource != "status" else ():
                check(self, obj, before)
            claim = claim or _updating(kind, manager, subresource)
            return self._write(obj, before, claim, dry_run=dry_run)

    def change(
        self,
        kind: str,
        namespace: str,
        name: str,
        make: Callable[[Object], None],
        *,
        manager: str = "",
        subresource: str = "",
    ) -> Object:
        """The object after `make` changed it in place; nobody else writes meanwhile."""
        with self.lock:
            obj = self.get(kind, namespace, name)
            make(obj)
            return self.update(obj, manager=manager, subresource=subresource)

    def set_status(
        self,
        kind: str,
        namespace: str,
        name: str,
        status: Mapping[str, Any],
        *,
        manager: str = "kubelet",
    ) -> Object:
        """The object with this status in place of its last one."""

        def replace(obj: Object) -> None:
            obj["status"] = copy.deepcopy(dict(status))

        return self.change(kind, namespace, name, replace, manager=manager, subresource="status")

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        *,
        grace_seconds: int | None = None,
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """The object as it was deleted, or as it is marked for deletion.

        A pod on a node is marked first; whoever runs it deletes it again with 0 seconds when
        it has ended. An object with finalisers goes when the last of them is taken off.

        Args:
            kind: Its kind.
            namespace: Where it is.
            name: Its name.
            grace_seconds: Time for a pod to end; None: what its spec says.
            uid: Only if it has this uid.
            version: Only if it has this resourceVersion.
            dry_run: Whether all happens but the deletion.

        Raises:
            ApiProblem: 404, or 409 if it is another than was meant.
        """
        with self.lock:
            obj = self.get(kind, namespace, name)
            meta = obj["metadata"]
            for field, wanted in (("uid", uid), ("resourceVersion", version)):
                if wanted is not None and meta[field] != wanted:
                    raise conflict(
                        kind_of(kind).resource,
                        name,
                        f"the {'UID' if field == 'uid' else 'ResourceVersion'} in the "
                        f"precondition ({wanted}) does not match the {field} in record "
                        f"({meta[field]}). The object might have been deleted and then recreated",
                    )
            if dry_run:
                return obj
            before = copy.deepcopy(obj)
            mark_deleted(obj, grace_seconds)
            if not stays(obj):
                return self._remove(before)
            return obj if obj == before else self._commit("MODIFIED", obj, before)

    def subscribe(self, callback: Callable[[str, Object], None]) -> Callable[[], None]:
        """Tells of each change from now on (`ADDED`, `MODIFIED`, `DELETED`); returns the end."""
        with self.lock:
            self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def listen(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """As `subscribe`, with the object as it was before; for watches."""
        with self.lock:
            self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def forget(self) -> None:
        """Drop the history, as a compaction does: a watch from before now gets 410."""
        with self.lock:
            self.history.clear()
            self.forgotten = self.version

    def _write(self, obj: Object, before: Object | None, claim: Claim, *, dry_run: bool) -> Object:
        meta = obj["metadata"]
        meta["managedFields"] = entries(claim(before, obj), before)
        if before is not None and obj == before:
            return copy.deepcopy(before)
        if before is not None and _counts(kind_of(obj["kind"]), obj, before):
            meta["generation"] = meta.get("generation", 0) + 1
        if dry_run:
            return obj
        if before is not None and "deletionTimestamp" in meta and not stays(obj):
            return self._remove(obj)
        return self._commit("MODIFIED" if before else "ADDED", obj, before)

    def _remove(self, obj: Object) -> Object:
        meta = obj["metadata"]
        del self._kept[_key(kind_of(obj["kind"]), meta.get("namespace", ""), meta["name"])]
        return self._record("DELETED", copy.deepcopy(obj), obj)

    def _commit(self, change_type: str, obj: Object, before: Object | None) -> Object:
        meta = obj["metadata"]
        key = _key(kind_of(obj["kind"]), meta.get("namespace", ""), meta["name"])
        self._kept[key] = obj
        return self._record(change_type, obj, before)

    def _record(self, change_type: str, obj: Object, before: Object | None) -> Object:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        change = Change(change_type, copy.deepcopy(obj), before, self.version)
        if len(self.history) == self.history.maxlen:
            self.forgotten = self.history[0].version
        self.history.append(change)
        for listener in list(self._listeners):
            listener(change)
        for subscriber in list(self._subscribers):
            subscriber(change_type, copy.deepcopy(obj))
        return copy.deepcopy(obj)


def _key(kind: Kind, namespace: str, name: str) -> tuple[str, str, str]:
    return kind.name, namespace if kind.namespaced else "", name


def _new_metadata(obj: Object, kind: Kind) -> dict[str, Any]:
    meta: dict[str, Any] = obj.setdefault("metadata", {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + "".join(
            random.choices("bcdfghjklmnpqrstvwxz2456789", k=5)
        )
    if not meta.get("name"):
        raise bad_request("name or generateName is required")
    if meta.pop("resourceVersion", None):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for field in (*_SYSTEM, "managedFields", "deletionGracePeriodSeconds"):
        meta.pop(field, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
    if kind.counted:
        meta["generation"] = 1
    obj["apiVersion"] = kind.api_version
    return meta


def _be_newest(kind: Kind, asked: Mapping[str, Any], there: Mapping[str, Any]) -> None:
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


def _merged_halves(kind: Kind, obj: Object, before: Object, *, subresource: str) -> Object:
    """What a write to one half may change, and of everything else what is there."""
    if subresource == "status":
        return {**copy.deepcopy(before), "status": obj.get("status", {})}
    for field in (*_SYSTEM, "resourceVersion", "managedFields", "deletionGracePeriodSeconds"):
        obj["metadata"].pop(field, None)
        if field in before["metadata"]:
            obj["metadata"][field] = copy.deepcopy(before["metadata"][field])
    if "status" in kind.subresources:
        obj.pop("status", None)
        if "status" in before:
            obj["status"] = copy.deepcopy(before["status"])
    return obj


def _counts(kind: Kind, obj: Object, before: Object) -> bool:
    return kind.counted and {**obj, "metadata": 0, "status": 0} != {
        **before,
        "metadata": 0,
        "status": 0,
    }


def _updating(kind: Kind, manager: str, subresource: str = "") -> Claim:
    owner = Owner(manager or "unknown", "Update", kind.api_version, subresource)
    return lambda before, after: updated(before, after, owner=owner)
