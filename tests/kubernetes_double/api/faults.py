"""Refusals, silences and broken watches on demand, and the journal of what was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.kubernetes_double.api.problems import ApiProblem

_SAID = {
    409: ("Conflict", "Operation cannot be fulfilled: the object has been modified"),
    429: (
        "TooManyRequests",
        "the server has received too many requests and has asked us to try again later",
    ),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within requested timeout"),
}


class Asked(NamedTuple):
    """One request that was answered.

    Attributes:
        method: HTTP method.
        path: Its path, without the query.
        account: Who asked; empty: nobody known.
        status: What was answered.
    """

    method: str
    path: str
    account: str
    status: int


@dataclass
class Fault:
    """Requests that go wrong.

    Attributes:
        verb: Only this verb, such as `patch`; None: every one.
        kind: Only objects of this kind, such as `Deployment`; None: every one.
        name: Only the object called so; None: every one.
        status: What is answered; None: nothing in time (504 after the hanging).
        times: How many requests; None: all until `Faults.clear`.
        hang_seconds: How long the answer keeps silent before.
        after: Whether the request is carried out all the same, and only its answer is lost.
    """

    verb: str | None = None
    kind: str | None = None
    name: str | None = None
    status: int | None = None
    times: int | None = 1
    hang_seconds: float = 0
    after: bool = False

    def meets(self, verb: str, kind: str, name: str) -> bool:
        """Whether a request goes wrong."""
        return (
            self.verb in (None, verb)
            and self.kind in (None, kind)
            and self.name in (None, name)
            and self.times != 0
        )

    def problem(self) -> ApiProblem:
        """What is answered."""
        status = self.status or 504
        reason, message = _SAID.get(status, ("", "fault on demand"))
        details = {"retryAfterSeconds": 1} if status in (429, 503) else None
        return ApiProblem(status, reason, message, details)


@dataclass
class Faults:
    """Every fault that is still to happen."""

    _rules: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Let requests go wrong from now on."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._rules.clear()

    def next(self, verb: str, kind: str, name: str) -> Fault | None:
        """The fault that a request meets, counted; None: none."""
        with self._lock:
            for rule in self._rules:
                if rule.meets(verb, kind, name):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule
        return None
