"""What the API answers when it refuses: the `Status` objects that clients read."""

from __future__ import annotations

from typing import Any


class ApiProblem(Exception):
    """A request that the API refuses.

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
        """It as the `Status` object that goes over the wire."""
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
    """What is said of an object that is not there; `resource` is plural, with its group."""
    plural, _, group = resource.partition(".")
    details = {"name": name, "kind": plural} | ({"group": group} if group else {})
    return ApiProblem(404, "NotFound", f'{resource} "{name}" not found', details)


def no_such_path() -> ApiProblem:
    """What is said of a path that the API does not serve."""
    message = "the server could not find the requested resource"
    return ApiProblem(404, "NotFound", message)


def already_exists(resource: str, name: str) -> ApiProblem:
    """What is said of a name that is taken."""
    details = {"name": name, "kind": resource.partition(".")[0]}
    return ApiProblem(409, "AlreadyExists", f'{resource} "{name}" already exists', details)


def conflict(resource: str, name: str, why: str) -> ApiProblem:
    """What is said to a writer who came too late."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiProblem(409, "Conflict", message, {"name": name, "kind": resource.partition(".")[0]})


def forbidden(resource: str, name: str, why: str) -> ApiProblem:
    """What is said to a writer whom admission turns away."""
    message = f'{resource} "{name}" is forbidden: {why}'
    return ApiProblem(403, "Forbidden", message, {"name": name, "kind": resource.partition(".")[0]})


def invalid(kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiProblem:
    """What is said of an object with faults.

    Args:
        kind: Its kind, with the group behind a dot where it has one.
        name: Its name.
        causes: Of each fault: reason (`FieldValueInvalid`), field and sentence.
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
    """What is said of a request that cannot be read."""
    return ApiProblem(400, "BadRequest", message)
