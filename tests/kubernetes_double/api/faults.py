"""Injected faults of the API, and the journal of requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.kubernetes_double.api.problems import ApiProblem

_MESSAGES = {
    409: ("Conflict", "Operation cannot be fulfilled: the object has been modified"),
    429: (
        "TooManyRequests",
        "the server has received too many requests and has asked us to try again later",
    ),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within requested timeout"),
}


class LoggedRequest(NamedTuple):
    """An answered request.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        account: Account of the user; empty: unknown token.
        status: Status of the response.
    """

    method: str
    path: str
    account: str
    status: int


@dataclass
class Fault:
    """A fault that matching requests meet.

    Attributes:
        verb: Only this verb, such as `patch`; None: any.
        kind: Only objects of this kind, such as `Deployment`; None: any.
        name: Only the object of this name; None: any.
        status: Status of the response; None: 504 after the delay.
        times: Number of requests; None: all until `Faults.clear`.
        hang_seconds: Delay of the response.
        after: Whether the request has its effect and only the response is lost.
    """

    verb: str | None = None
    kind: str | None = None
    name: str | None = None
    status: int | None = None
    times: int | None = 1
    hang_seconds: float = 0
    after: bool = False

    def meets(self, verb: str, kind: str, name: str) -> bool:
        """Whether a request meets the fault."""
        return (
            self.verb in (None, verb)
            and self.kind in (None, kind)
            and self.name in (None, name)
            and self.times != 0
        )

    def problem(self) -> ApiProblem:
        """The response."""
        status = self.status or 504
        reason, message = _MESSAGES.get(status, ("", "fault on demand"))
        details = {"retryAfterSeconds": 1} if status in (429, 503) else None
        return ApiProblem(status, reason, message, details)


@dataclass
class Faults:
    """All active faults."""

    _rules: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._rules.clear()

    def next(self, verb: str, kind: str, name: str) -> Fault | None:
        """The fault that a request meets, counted down; None: none."""
        with self._lock:
            for rule in self._rules:
                if rule.meets(verb, kind, name):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule
        return None
