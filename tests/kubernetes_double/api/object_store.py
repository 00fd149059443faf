"""All objects of the cluster: the double of etcd.

Each write is checked, counted, recorded and delivered to subscribers under one lock, so
that they see changes in order. A subscriber must therefore return at once.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from tests.kubernetes_double.api.changes import Change
from tests.kubernetes_double.api.deletion import mark_deleted, stays
from tests.kubernetes_double.api.kinds import Kind, kind_of
from tests.kubernetes_double.api.managed_fields import Claim, entries, updating
from tests.kubernetes_double.api.metadata import (
    begin,
    counts_as_generation,
    require_newest,
    require_preconditions,
    with_half,
)
from tests.kubernetes_double.api.problems import already_exists, not_found
from tests.kubernetes_double.api.selectors import label_selector

Object = dict[str, Any]

# Size of the history: a watch from before it is cut.
REMEMBERED = 5_000


class Check(Protocol):
    """Sets defaults, validates or refuses an object before it is written, in place."""

    def __call__(self, objects: Objects, obj: Object, before: Object | None, /) -> None:
        """Check an object.

        Args:
            objects: All objects.
            obj: The object to write.
            before: The stored object; None: it is new.

        Raises:
            ApiProblem: It is refused.
        """


class Objects:
    """Objects by kind, namespace and name; every result is a copy.

    Args:
        checks: Checks of every write, in this order.
        remembered: Size of the history.

    Attributes:
        lock: Held during each write; a reader may hold it to prevent changes.
        version: resourceVersion of the newest change.
        history: The newest changes, oldest first.
    """

    def __init__(self, *checks: Check, remembered: int = REMEMBERED) -> None:
        self.checks = list(checks)
        self.lock = threading.RLock()
        self.version = 1
        self.history: deque[Change] = deque(maxlen=remembered)
        self._kept: dict[tuple[str, str, str], Object] = {}
        self._subscribers: list[Callable[[str, Object], None]] = []
        self._listeners: list[Callable[[Change], None]] = []

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """An object, or None."""
        with self.lock:
            return copy.deepcopy(self._kept.get(_key(kind_of(kind), namespace, name)))

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """An object.

        Raises:
            ApiProblem: 404.
        """
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind_of(kind).resource, name)
        return found

    def peek(self, kind: str) -> Iterable[Object]:
        """All objects of a kind, without a copy: a reader changes none of them."""
        with self.lock:
            return [obj for (of_kind, *_), obj in self._kept.items() if of_kind == kind]

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

    def create(self, obj: Object, *, manager: str = "", claim: Claim | None = None) -> Object:
        """Create an object; the result with defaults, uid and versions.

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
            return self._write(obj, None, claim or updating(kind.api_version, manager))

    def update(
        self,
        obj: Object,
        *,
        manager: str = "",
        subresource: str = "",
        claim: Claim | None = None,
    ) -> Object:
        """Write an object; the result. Without a change the resourceVersion stays.

        Args:
            obj: The object; with a resourceVersion, it must be the newest.
            manager: Field manager of the write.
            subresource: `status` writes only the status, empty everything but the status.
            claim: Owners after the write; None: the writer owns its changes.

        Raises:
            ApiProblem: 404, 409 Conflict, or what a check refuses.
        """
        kind = kind_of(obj["kind"])
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        with self.lock:
            before = self.get(kind.name, meta.get("namespace", ""), meta["name"])
            require_newest(kind, meta, before["metadata"])
            obj = with_half(kind, obj, before, subresource=subresource)
            for check in self.checks if subresource != "status" else ():
                check(self, obj, before)
            claim = claim or updating(kind.api_version, manager, subresource)
            return self._write(obj, before, claim)

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
        """Change an object in place under the lock; the result."""
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
        """Replace an object's status; the result."""

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
    ) -> Object:
        """Delete an object or mark it for deletion; the result.

        A pod on a node is marked first; its kubelet deletes it with 0 seconds when
        it has ended.

        Args:
            kind: Its kind.
            namespace: Where it is.
            name: Its name.
            grace_seconds: Grace period of a pod; None: its spec's.
            uid: Only if it has this uid.
            version: Only if it has this resourceVersion.

        Raises:
            ApiProblem: 404, or 409 for another object than expected.
        """
        with self.lock:
            obj = self.get(kind, namespace, name)
            require_preconditions(kind_of(kind), obj["metadata"], uid=uid, version=version)
            before = copy.deepcopy(obj)
            mark_deleted(obj, grace_seconds)
            if not stays(obj):
                return self._remove(before)
            return obj if obj == before else self._commit("MODIFIED", obj, before)

    def subscribe(self, callback: Callable[[str, Object], None]) -> Callable[[], None]:
        """Call back at each change from now on (`ADDED`, `MODIFIED`, `DELETED`); returns an end."""
        with self.lock:
            self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def listen(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Like `subscribe`, with the object before the change; for watches."""
        with self.lock:
            self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def _write(self, obj: Object, before: Object | None, claim: Claim) -> Object:
        meta = obj["metadata"]
        meta["managedFields"] = entries(claim(before, obj), before, obj)
        if before is not None and obj == before:
            return copy.deepcopy(before)
        if before is not None and counts_as_generation(kind_of(obj["kind"]), obj, before):
            meta["generation"] = meta.get("generation", 0) + 1
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
        self.history.append(change)
        for listener in list(self._listeners):
            listener(change)
        for subscriber in list(self._subscribers):
            subscriber(change_type, copy.deepcopy(obj))
        return copy.deepcopy(obj)


def _key(kind: Kind, namespace: str, name: str) -> tuple[str, str, str]:
    return kind.name, namespace if kind.namespaced else "", name
