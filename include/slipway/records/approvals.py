"""Approvals: what a person said to a retrain request that waits for one.

`requests/<model>/000003.approval.json`, created once: the first answer counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from slipway.records.requests import key_beside
from slipway.records.store import encode, find_value, read_value

if TYPE_CHECKING:
    from slipway.records.requests import Request
    from slipway.records.store import Store

ENDING = ".approval.json"
"""Of the key, after that of the request."""

Answer = Literal["yes", "no"]


@dataclass(frozen=True)
class Approval:
    """Answer of a person to a request.

    Attributes:
        answer: `yes` or `no`.
        by: Name of the person.
        reason: In the person's words; may be empty.
        at: Wall time, ISO 8601, UTC.
    """

    answer: Answer
    by: str
    reason: str
    at: str


def give_approval(
    store: Store, request: Request, *, answer: Answer, by: str, reason: str
) -> Approval:
    """Answer a request and return the answer that counts, which is the first one."""
    key = key_beside(request, ENDING)
    given = Approval(answer, by, reason, datetime.now(UTC).isoformat())
    store.create(key, encode(asdict(given)))
    return read_value(store, key, lambda value: Approval(**value))


def find_approval(store: Store, request: Request) -> Approval | None:
    """Return the answer to a request, or None."""
    return find_value(store, key_beside(request, ENDING), lambda value: Approval(**value))
