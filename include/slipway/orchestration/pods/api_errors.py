"""What the Kubernetes API answers when it does not do what a task asks, as one of our errors."""

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
"""A new quota refuses everything until it has been counted for the first time."""


def answered(status: int | None, body: object, *, doing: str, where: str) -> SlipwayError:
    """The error that an answer means.

    Args:
        status: HTTP status; None: there was no answer.
        body: Of the answer, a Kubernetes `Status`; or what went wrong on the way.
        doing: What was asked for, after "cannot".
        where: Namespace, and name where there is one.
    """
    said = status_message(body)
    if status is None or status in BUSY or status >= SERVER_ERROR:
        return ClusterUnavailable(
            f"cannot {doing}: the Kubernetes API does not answer as it should",
            expected="an answer",
            found=f"{status}: {said}" if status else said,
            where=where,
        )
    if status == FORBIDDEN and any(words in said for words in QUOTA):
        return Unschedulable(
            f"cannot {doing}: the namespace's quota is used up",
            expected="room in the ResourceQuota",
            found=said,
            where=where,
            hint="wait for other pods to end, or raise the quota",
        )
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return Denied(
            f"cannot {doing}: the cluster does not allow it",
            expected="a right, and no rule against it",
            found=f"{status}: {said}",
            where=where,
            hint=_hint(said),
        )
    kind = NotFound if status == NOT_FOUND else Permanent
    return kind(f"cannot {doing}", expected="an accepted request", found=said, where=where)


def status_message(body: object) -> str:
    """The words of an answer's body, at most 400 characters."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        read: Any = json.loads(text)
    except json.JSONDecodeError:
        read = None
    words = read.get("message", "") if isinstance(read, dict) else text
    return " ".join(str(words).split())[:400] or "nothing"


def _hint(said: str) -> str:
    if "PodSecurity" in said or "admission webhook" in said:
        return "an admission rule refuses the pod as it is; its own words say which field"
    if "service account" in said or "serviceaccount" in said:
        return "make that service account: docker/kubernetes/base does"
    return "who Airflow's connection is may need the Role slipway-airflow: docker/kubernetes/base"
