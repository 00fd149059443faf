"""Every object of the double's cluster: what stands in for the API server's etcd.

Each write is checked, counted, recorded and told to subscribers under one lock, so that what
they are told comes in order. A subscriber must therefore do no more than take note.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.kubernetes_double.api.changes import Change
from tests.kubernetes_double.api.deletion import mark_deleted, stays
from tests.kubernetes_double.api.kinds import Kind, kind_of
from tests.kubernetes_double.api.managed_fields import Claim, entries, updating
from tests.kubernetes_double.api.metadata import (
    be_meant,
    be_newest,
    begin,
    counts_as_generation,
    with_half,
)
from tests.kubernetes_double.api.problems import already_exists, not_found
from tests.kubernetes_double.api.selectors import label_selector

Object = dict[str, Any]

# How many changes are remembered: a watch from before them gets 410 Gone.
REMEMBERED = 5_000


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
            meta = begin(obj, kind)
            key = _key(kind, meta.get("namespace", ""), meta["name"])
            if key in self._kept:
                raise already_exists(kind.resource, meta["name"])
            if "status" in kind.subresources:
                obj.pop("status", None)
            for check in self.checks:
                check(self, obj, None)
            return self._write(
                obj, None, claim or updating(kind.api_version, manager), dry_run=dry_run
            )

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
            be_newest(kind, meta, before["metadata"])
            obj = with_half(kind, obj, before, subresource=subresource)
            for check in self.checks if subresource != "status" else ():
                check(self, obj, before)
            claim = claim or updating(kind.api_version, manager, subresource)
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
            be_meant(kind_of(kind), obj["metadata"], uid=uid, version=version)
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
        meta["managedFields"] = entries(claim(before, obj), before, obj)
        if before is not None and obj == before:
            return copy.deepcopy(before)
        if before is not None and counts_as_generation(kind_of(obj["kind"]), obj, before):
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
