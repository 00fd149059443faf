"""What each verb does to the objects."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.kubernetes_double.api.access import Access, Attempt
from tests.kubernetes_double.api.decoding import decoded, typed, without_nulls
from tests.kubernetes_double.api.kinds import GATEWAY
from tests.kubernetes_double.api.lists import chosen, listed
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.patches import APPLY, JSON, MERGE, STRATEGIC, patched
from tests.kubernetes_double.api.problems import ApiProblem, bad_request, invalid
from tests.kubernetes_double.api.request import Asking
from tests.kubernetes_double.api.scale import scale_of, scaled
from tests.kubernetes_double.api.selectors import object_selector
from tests.kubernetes_double.api.server_side_apply import apply

# Deleted at once, these come back as they were; of the others comes a `Status`.
_RETURNED = ("Pod", "Service", "ServiceAccount", "Node")


class Answer(NamedTuple):
    """What a request is answered with.

    Attributes:
        body: The object.
        status: HTTP status.
        warnings: What the client is warned of.
    """

    body: Object
    status: int = 200
    warnings: tuple[str, ...] = ()


class Writing:
    """The verbs of the API, for one who may use them.

    Args:
        objects: Everything there is.
        access: Asked once more where an apply creates.
    """

    def __init__(self, objects: Objects, access: Access) -> None:
        self._objects = objects
        self._access = access

    def answer(self, asking: Asking) -> Answer:
        """What a request is answered with.

        Raises:
            ApiProblem: It is refused.
        """
        verbs = {
            "get": self._get,
            "list": lambda asked: Answer(listed(self._objects, asked)),
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_all,
        }
        return verbs[asking.verb](asking)

    def _get(self, asking: Asking) -> Answer:
        target = asking.target
        obj = self._objects.get(target.kind.name, target.namespace, target.name)
        return Answer(_shown(obj, asking))

    def _create(self, asking: Asking) -> Answer:
        target = asking.target
        if target.subresource == "eviction":
            return self._evict(asking)
        if target.name:
            message = "the server does not allow this method on the requested resource"
            raise ApiProblem(405, "MethodNotAllowed", message)
        obj, warnings = self._decoded(asking, asking.parsed())
        made = self._objects.create(obj, manager=asking.manager, dry_run=asking.dry_run)
        return Answer(made, 201, warnings)

    def _update(self, asking: Asking) -> Answer:
        target, body = asking.target, asking.parsed()
        with self._objects.lock:
            if target.subresource == "scale":
                live = self._objects.get(target.kind.name, target.namespace, target.name)
                return Answer(self._written(asking, scaled(live, without_nulls(body))))
            obj, warnings = self._decoded(asking, body)
            return Answer(self._written(asking, obj), 200, warnings)

    def _patch(self, asking: Asking) -> Answer:
        target = asking.target
        kind = asking.content_type.partition(";")[0].strip()
        known = (
            (JSON, MERGE, APPLY)
            if target.kind.group == GATEWAY
            else (JSON, MERGE, STRATEGIC, APPLY)
        )
        if kind not in known:
            message = (
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(known)
            )
            raise ApiProblem(415, "UnsupportedMediaType", message)
        if kind == APPLY:
            return self._apply(asking)
        with self._objects.lock:
            live = self._objects.get(target.kind.name, target.namespace, target.name)
            if target.subresource == "scale":
                scale = patched(scale_of(live), asking.parsed(), content_type=kind)
                return Answer(self._written(asking, scaled(live, scale)))
            body = patched(live, asking.parsed(), content_type=kind)
            obj, warnings = self._decoded(asking, body)
            return Answer(self._written(asking, obj), 200, warnings)

    def _written(self, asking: Asking, obj: Object) -> Object:
        written = self._objects.update(
            obj,
            manager=asking.manager,
            subresource=asking.target.subresource,
            dry_run=asking.dry_run,
        )
        return _shown(written, asking)

    def _apply(self, asking: Asking) -> Answer:
        target, manager = asking.target, asking.query.get("fieldManager")
        if not manager:
            said = "Required value: is required for apply patch"
            raise invalid(
                "PatchOptions.meta.k8s.io", "", [("FieldValueRequired", "fieldManager", said)]
            )
        if target.subresource == "scale":
            raise ApiProblem(415, "UnsupportedMediaType", "the double applies no scale")
        body = asking.parsed()
        if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
            raise bad_request("invalid object type: apiVersion and kind must be set")
        config = typed(target.kind, body, namespace=target.namespace)
        self._place(asking, config)
        with self._objects.lock:
            if self._objects.find(target.kind.name, target.namespace, target.name) is None:
                attempt = asking.attempt
                create = Attempt("create", attempt.group, attempt.resource, attempt.namespace)
                self._access.demand(asking.user, create)
            obj, created = apply(
                self._objects,
                config,
                manager=manager,
                force=asking.flag("force"),
                subresource=target.subresource,
                dry_run=asking.dry_run,
            )
        return Answer(obj, 201 if created else 200)

    def _delete(self, asking: Asking) -> Answer:
        target, options = asking.target, _options(asking)
        conditions = options.get("preconditions") or {}
        deleted = self._objects.delete(
            target.kind.name,
            target.namespace,
            target.name,
            grace_seconds=options.get("gracePeriodSeconds"),
            uid=conditions.get("uid"),
            version=conditions.get("resourceVersion"),
            dry_run=asking.dry_run,
        )
        there = self._objects.find(target.kind.name, target.namespace, target.name)
        if target.kind.name in _RETURNED or (
            there and there["metadata"]["uid"] == deleted["metadata"]["uid"]
        ):
            return Answer(deleted)
        details = {"name": target.name, "kind": target.kind.plural}
        if target.kind.group:
            details["group"] = target.kind.group
        return Answer(_success({**details, "uid": deleted["metadata"]["uid"]}))

    def _delete_all(self, asking: Asking) -> Answer:
        is_one, seconds = chosen(asking), _options(asking).get("gracePeriodSeconds")
        kind = asking.target.kind
        with self._objects.lock:
            found = [obj for obj in self._objects.list(kind.name) if is_one(obj)]
            for obj in found:
                meta = obj["metadata"]
                self._objects.delete(
                    kind.name, meta.get("namespace", ""), meta["name"], grace_seconds=seconds
                )
        shown = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {}}
        return Answer({**shown, "items": found})

    def _evict(self, asking: Asking) -> Answer:
        """Delete a pod, unless a PodDisruptionBudget has nothing to give."""
        target = asking.target
        pod = self._objects.get("Pod", target.namespace, target.name)
        labels = pod["metadata"].get("labels") or {}
        for budget in self._objects.list("PodDisruptionBudget", target.namespace):
            if not object_selector(budget["spec"].get("selector"))(labels):
                continue
            if budget.get("status", {}).get("disruptionsAllowed", 0) < 1:
                message = "Cannot evict pod as it would violate the pod's disruption budget."
                cause = {"reason": "DisruptionBudget", "message": budget["metadata"]["name"]}
                raise ApiProblem(429, "TooManyRequests", message, {"causes": [cause]})
        self._objects.delete("Pod", target.namespace, target.name)
        return Answer(_success({}), 201)

    def _decoded(self, asking: Asking, body: Any) -> tuple[Object, tuple[str, ...]]:
        strictness = asking.query.get("fieldValidation") or "Warn"
        obj, warnings = decoded(asking.target.kind, body, strictness=strictness)
        self._place(asking, obj)
        return obj, tuple(warnings)

    def _place(self, asking: Asking, obj: Object) -> None:
        """Hold what an object says of itself against the path that it came by."""
        target, meta = asking.target, obj["metadata"]
        if target.name:
            said = meta.setdefault("name", target.name)
            if said != target.name:
                raise bad_request(
                    f"the name of the object ({said}) does not match the name on the URL "
                    f"({target.name})"
                )
        if target.kind.namespaced:
            said = meta.setdefault("namespace", target.namespace)
            if said != target.namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on "
                    "the request"
                )


def _shown(obj: Object, asking: Asking) -> Object:
    return scale_of(obj) if asking.target.subresource == "scale" else obj


def _options(asking: Asking) -> dict[str, Any]:
    """DeleteOptions: of the body, with those of the query over them."""
    body = asking.parsed()
    options: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
    seconds = asking.number("gracePeriodSeconds")
    return options if seconds is None else {**options, "gracePeriodSeconds": seconds}


def _success(details: dict[str, Any]) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": details} if details else status
