"""Turn the Kubernetes API's error replies into Slipway's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from slipway.errors import (
    ClusterUnavailable,
    CommitConflict,
    Denied,
    EditedByHand,
    NotFound,
    SlipwayError,
)

CONFLICT_REASON = "FieldManagerConflict"
LONGEST_MESSAGE = 500
EXPECTED_OWNER = "Slipway as the only manager of the fields that a rollout controls"
OWNERSHIP_HINT = (
    "undo the edit, or give the fields back as docs/guides/rollout-on-kubernetes.md describes, and "
    "run again; `kubectl get --show-managed-fields` shows the managers"
)
UNKNOWN_MANAGER = "an unknown manager"

_MANAGER = re.compile(r'conflict with "([^"]+)"')


def is_transient(status: int) -> bool:
    """Whether the same request may succeed a moment later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def error_of(status: int, body: Any, *, verb: str, where: str) -> SlipwayError:
    """The error for an error reply, with the server's message.

    Args:
        status: HTTP status.
        body: The reply's body: a `Status` object, or the text of a proxy in between.
        verb: Of the request: `get`, `list`, `apply`, `delete`.
        where: Kind and name of the object.
    """
    reply = _status_of(body)
    message = str(reply.get("message") or f"status {status}")[:LONGEST_MESSAGE]
    if status == HTTPStatus.CONFLICT:
        return _conflict(reply, message, where=where)
    if is_transient(status):
        return unavailable(message, where=where)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"the cluster has no {where}", found=message)
    hint = "the rights are in docker/kubernetes/base; check them with `kubectl auth can-i`"
    if "ValidatingAdmissionPolicy" in message:
        hint = "a policy refuses it; what it admits is in the ConfigMap slipway-policy"
    elif status == HTTPStatus.UNAUTHORIZED:
        hint = "check that the token of the service account or of the kubeconfig is still valid"
    elif status != HTTPStatus.FORBIDDEN:
        hint = "look for an admission rule, or for a field that this cluster does not support"
    return Denied(f"the cluster refuses to {verb} {where}", found=message, hint=hint)


def unavailable(found: str | None, *, where: str) -> ClusterUnavailable:
    """The error for a request without a usable reply."""
    return ClusterUnavailable("the Kubernetes API does not answer", found=found, where=where)


def conflicting_fields(status: int, body: Any) -> frozenset[str]:
    """The fields of other managers because of which an apply was refused; else none."""
    if status != HTTPStatus.CONFLICT:
        return frozenset()
    return frozenset(str(cause.get("field")) for cause in _manager_conflicts(_status_of(body)))


def _manager_conflicts(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    causes = (reply.get("details") or {}).get("causes") or []
    return [cause for cause in causes if cause.get("reason") == CONFLICT_REASON]


def _conflict(reply: Mapping[str, Any], message: str, *, where: str) -> SlipwayError:
    causes = _manager_conflicts(reply)
    if not causes:
        return CommitConflict(f"{where} was changed meanwhile", found=message)
    fields = ", ".join(str(cause.get("field")) for cause in causes)
    names = {name for cause in causes for name in _MANAGER.findall(str(cause.get("message")))}
    return EditedByHand(
        f"{where} was edited by hand",
        expected=EXPECTED_OWNER,
        found=f"{fields} set by {', '.join(sorted(names)) or UNKNOWN_MANAGER}",
        where=where,
        hint=OWNERSHIP_HINT,
    )


def _status_of(body: Any) -> Mapping[str, Any]:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        reply = json.loads(text)
    except ValueError:
        return {"message": text.strip()}
    return reply if isinstance(reply, dict) else {"message": text}
