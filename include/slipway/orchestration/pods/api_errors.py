"""Map error responses of the Kubernetes API to Slipway's errors."""

from __future__ import annotations

import json
from typing import Any

from slipway.errors import (
    ClusterUnavailable,
    Denied,
    NotFound,
    Permanent,
    SlipwayError,
    Unschedulable,
)

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMEOUT, CONFLICT, TOO_MANY = 401, 403, 404, 408, 409, 429
BUSY = {TIMEOUT, CONFLICT, TOO_MANY}
SERVER_ERROR = 500
QUOTA = ("exceeded quota", "status unknown for quota")
"""A new quota refuses every pod until its usage was counted once."""


def api_error(status: int | None, body: object, *, doing: str, where: str) -> SlipwayError:
    """Return the error for a response.

    Args:
        status: HTTP status; None: no response.
        body: Body of the response, a Kubernetes `Status`; or the transport's error.
        doing: The attempted action, as in "cannot {doing}".
        where: Namespace, and name where there is one.
    """
    message = status_message(body)
    if status is None or status in BUSY or status >= SERVER_ERROR:
        return ClusterUnavailable(
            f"cannot {doing}: the Kubernetes API does not answer",
            expected="a response",
            found=f"{status}: {message}" if status else message,
            where=where,
        )
    if status == FORBIDDEN and any(words in message for words in QUOTA):
        return Unschedulable(
            f"cannot {doing}: the namespace's quota is used up",
            expected="room in the ResourceQuota",
            found=message,
            where=where,
            hint="wait for other pods to end, or raise the quota",
        )
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return Denied(
            f"cannot {doing}: the cluster does not allow it",
            expected="a Role that allows it, and no admission rule against it",
            found=f"{status}: {message}",
            where=where,
            hint=_hint(message),
        )
    kind = NotFound if status == NOT_FOUND else Permanent
    return kind(f"cannot {doing}", expected="an accepted request", found=message, where=where)


def status_message(body: object) -> str:
    """Return the message of a response's body, at most 400 characters."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        read: Any = json.loads(text)
    except json.JSONDecodeError:
        read = None
    found = read.get("message", "") if isinstance(read, dict) else text
    return " ".join(str(found).split())[:400] or "no message"


def _hint(message: str) -> str:
    if "ValidatingAdmissionPolicy" in message:
        return "a policy refuses the pod; what it admits is in the ConfigMap slipway-policy"
    if "PodSecurity" in message or "admission webhook" in message:
        return "an admission rule refuses the pod; its message names the field"
    if "service account" in message or "serviceaccount" in message:
        return "create that service account, as docker/kubernetes/base does"
    return (
        "grant the account of Airflow's connection the Role slipway-airflow: docker/kubernetes/base"
    )
