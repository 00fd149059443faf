"""Errors of the API: the `Status` objects that clients read."""

from __future__ import annotations

from typing import Any


class ApiProblem(Exception):
    """A refused request.

    Attributes:
        status: HTTP status.
        reason: One word for programs, such as `NotFound` or `Conflict`.
        message: A sentence for people.
        details: `status.details`: name, kind, causes, retryAfterSeconds.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}

    def body(self) -> dict[str, Any]:
        """The `Status` object."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            body["details"] = self.details
        return {**body, "code": self.status}


def not_found(resource: str, name: str) -> ApiProblem:
    """The 404 for a missing object; `resource` is plural, with its group."""
    plural, _, group = resource.partition(".")
    details = {"name": name, "kind": plural} | ({"group": group} if group else {})
    return ApiProblem(404, "NotFound", f'{resource} "{name}" not found', details)


def no_such_path() -> ApiProblem:
    """The 404 for an unknown path."""
    message = "the server could not find the requested resource"
    return ApiProblem(404, "NotFound", message)


def already_exists(resource: str, name: str) -> ApiProblem:
    """The 409 for an existing name."""
    details = {"name": name, "kind": resource.partition(".")[0]}
    return ApiProblem(409, "AlreadyExists", f'{resource} "{name}" already exists', details)


def conflict(resource: str, name: str, why: str) -> ApiProblem:
    """The 409 for an outdated write."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiProblem(409, "Conflict", message, {"name": name, "kind": resource.partition(".")[0]})


def forbidden(resource: str, name: str, why: str) -> ApiProblem:
    """The 403 of admission."""
    message = f'{resource} "{name}" is forbidden: {why}'
    return ApiProblem(403, "Forbidden", message, {"name": name, "kind": resource.partition(".")[0]})


def invalid(kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiProblem:
    """The 422 for an object with faults.

    Args:
        kind: Kind, with the group behind a dot if it has one.
        name: Name of the object.
        causes: Reason (`FieldValueInvalid`), field and message of each fault.
    """
    sentences = [f"{field}: {sentence}" for _, field, sentence in causes]
    text = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    plain, _, group = kind.partition(".")
    details = {
        "name": name,
        "kind": plain,
        "causes": [
            {"reason": reason, "message": sentence, "field": field}
            for reason, field, sentence in causes
        ],
    } | ({"group": group} if group else {})
    return ApiProblem(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> ApiProblem:
    """The 400 for an unreadable request."""
    return ApiProblem(400, "BadRequest", message)
