"""The verbs of the API."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.kubernetes_double.api.access import Access, Action
from tests.kubernetes_double.api.decoding import decoded, typed
from tests.kubernetes_double.api.kinds import GATEWAY
from tests.kubernetes_double.api.lists import listed
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.patches import APPLY, MERGE, STRATEGIC, patched
from tests.kubernetes_double.api.policies import policies_allow, requested_by
from tests.kubernetes_double.api.problems import ApiProblem, bad_request, invalid
from tests.kubernetes_double.api.request import ApiRequest
from tests.kubernetes_double.api.server_side_apply import apply

# These are returned when deleted at once; for others a `Status` is.
_RETURNED = ("Pod", "Service", "ServiceAccount", "Node")


class Answer(NamedTuple):
    """A response.

    Attributes:
        body: The object.
        status: HTTP status.
        warnings: Warning headers.
    """

    body: Object
    status: int = 200
    warnings: tuple[str, ...] = ()


class Verbs:
    """The verbs of the API, for an authorised user.

    Args:
        objects: All objects.
        access: Checks the right to create where an apply does.
    """

    def __init__(self, objects: Objects, access: Access) -> None:
        self._objects = objects
        self._access = access

    def answer(self, api_request: ApiRequest) -> Answer:
        """The response to a request.

        Raises:
            ApiProblem: It is refused.
        """
        verbs = {
            "get": self._get,
            "list": lambda asked: Answer(listed(self._objects, asked)),
            "create": self._create,
            "patch": self._patch,
            "delete": self._delete,
        }
        with requested_by(api_request.user.name, *api_request.user.groups):
            return verbs[api_request.verb](api_request)

    def _get(self, api_request: ApiRequest) -> Answer:
        target = api_request.target
        obj = self._objects.get(target.kind.name, target.namespace, target.name)
        return Answer(obj)

    def _create(self, api_request: ApiRequest) -> Answer:
        target = api_request.target
        if target.name:
            message = "the server does not allow this method on the requested resource"
            raise ApiProblem(405, "MethodNotAllowed", message)
        obj, warnings = self._decoded(api_request, api_request.parsed())
        made = self._objects.create(obj, manager=api_request.manager)
        return Answer(made, 201, warnings)

    def _patch(self, api_request: ApiRequest) -> Answer:
        target = api_request.target
        kind = api_request.content_type.partition(";")[0].strip()
        known = (MERGE, APPLY) if target.kind.group == GATEWAY else (MERGE, STRATEGIC, APPLY)
        if kind not in known:
            message = (
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(known)
            )
            raise ApiProblem(415, "UnsupportedMediaType", message)
        if kind == APPLY:
            return self._apply(api_request)
        with self._objects.lock:
            live = self._objects.get(target.kind.name, target.namespace, target.name)
            body = patched(live, api_request.parsed(), content_type=kind)
            obj, warnings = self._decoded(api_request, body)
            written = self._objects.update(
                obj, manager=api_request.manager, subresource=target.subresource
            )
            return Answer(written, 200, warnings)

    def _apply(self, api_request: ApiRequest) -> Answer:
        target, manager = api_request.target, api_request.query.get("fieldManager")
        if not manager:
            given = "Required value: is required for apply patch"
            raise invalid(
                "PatchOptions.meta.k8s.io", "", [("FieldValueRequired", "fieldManager", given)]
            )
        body = api_request.parsed()
        if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
            raise bad_request("invalid object type: apiVersion and kind must be set")
        config = typed(target.kind, body, namespace=target.namespace)
        self._check_path(api_request, config)
        with self._objects.lock:
            if self._objects.find(target.kind.name, target.namespace, target.name) is None:
                action = api_request.action
                create = Action("create", action.group, action.resource, action.namespace)
                self._access.demand(api_request.user, create)
            obj, created = apply(
                self._objects,
                config,
                manager=manager,
                force=api_request.flag("force"),
                subresource=target.subresource,
            )
        return Answer(obj, 201 if created else 200)

    def _delete(self, api_request: ApiRequest) -> Answer:
        target, options = api_request.target, _options(api_request)
        conditions = options.get("preconditions") or {}
        before = self._objects.find(target.kind.name, target.namespace, target.name)
        if before is not None:
            policies_allow(self._objects, None, before)
        deleted = self._objects.delete(
            target.kind.name,
            target.namespace,
            target.name,
            grace_seconds=options.get("gracePeriodSeconds"),
            uid=conditions.get("uid"),
            version=conditions.get("resourceVersion"),
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

    def _decoded(self, api_request: ApiRequest, body: Any) -> tuple[Object, tuple[str, ...]]:
        strictness = api_request.query.get("fieldValidation") or "Warn"
        obj, warnings = decoded(api_request.target.kind, body, strictness=strictness)
        self._check_path(api_request, obj)
        return obj, tuple(warnings)

    def _check_path(self, api_request: ApiRequest, obj: Object) -> None:
        """Compare an object's name and namespace with its path."""
        target, meta = api_request.target, obj["metadata"]
        if target.name:
            given = meta.setdefault("name", target.name)
            if given != target.name:
                raise bad_request(
                    f"the name of the object ({given}) does not match the name on the URL "
                    f"({target.name})"
                )
        if target.kind.namespaced:
            given = meta.setdefault("namespace", target.namespace)
            if given != target.namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on "
                    "the request"
                )


def _options(api_request: ApiRequest) -> dict[str, Any]:
    """DeleteOptions of the body, overridden by the query's."""
    body = api_request.parsed()
    options: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
    seconds = api_request.number("gracePeriodSeconds")
    return options if seconds is None else {**options, "gracePeriodSeconds": seconds}


def _success(details: dict[str, Any]) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": details} if details else status
