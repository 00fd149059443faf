"""What the Kubernetes API's refusals mean to a stage."""

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

OWNED = "FieldManagerConflict"
LONGEST_SAID = 500
HAND_BACK = (
    "set it back as it was, or hand it back as docs/guides/rollout-on-kubernetes.md tells, and run "
    "again; `kubectl get --show-managed-fields` tells who"
)

_MANAGER = re.compile(r'conflict with "([^"]+)"')


def is_passing(status: int) -> bool:
    """Whether the same request may be answered a moment later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def refusal(status: int, body: Any, *, verb: str, where: str) -> SlipwayError:
    """The error that a refusal is; it says what the server said.

    Args:
        status: HTTP status.
        body: The reply's body: a `Status` object, or whatever stands between it and us says.
        verb: What was asked: `get`, `list`, `apply`, `delete`.
        where: The kind and name of what it is about.
    """
    told = _status_of(body)
    said = str(told.get("message") or f"status {status}")[:LONGEST_SAID]
    if status == HTTPStatus.CONFLICT:
        return _conflict(told, said, where=where)
    if is_passing(status):
        return unavailable(said, where=where)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"the cluster knows no {where}", found=said)
    hint = "the rights are in docker/kubernetes/base; `kubectl auth can-i` asks for them"
    if status == HTTPStatus.UNAUTHORIZED:
        hint = "is the token of the service account, or of the kubeconfig, still valid?"
    elif status != HTTPStatus.FORBIDDEN:
        hint = "an admission rule, or a field that this cluster does not know"
    return Denied(f"the cluster does not let us {verb} {where}", found=said, hint=hint)


def unavailable(found: str | None, *, where: str) -> ClusterUnavailable:
    """The error that silence is."""
    return ClusterUnavailable("the Kubernetes API does not answer", found=found, where=where)


def owned_fields(status: int, body: Any) -> frozenset[str]:
    """The fields that somebody else has set, where that is why an apply was refused."""
    if status != HTTPStatus.CONFLICT:
        return frozenset()
    return frozenset(str(cause.get("field")) for cause in _owned(_status_of(body)))


def _owned(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    causes = (told.get("details") or {}).get("causes") or []
    return [cause for cause in causes if cause.get("reason") == OWNED]


def _conflict(told: Mapping[str, Any], said: str, *, where: str) -> SlipwayError:
    owned = _owned(told)
    if not owned:
        return CommitConflict(f"{where} was changed meanwhile", found=said)
    fields = ", ".join(str(cause.get("field")) for cause in owned)
    names = {name for cause in owned for name in _MANAGER.findall(str(cause.get("message")))}
    return EditedByHand(
        f"{where} was edited by hand",
        expected="nobody but Slipway to set what a rollout controls",
        found=f"{fields} set by {', '.join(sorted(names)) or 'somebody'}",
        where=where,
        hint=HAND_BACK,
    )


def _status_of(body: Any) -> Mapping[str, Any]:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        told = json.loads(text)
    except ValueError:
        return {"message": text.strip()}
    return told if isinstance(told, dict) else {"message": text}
