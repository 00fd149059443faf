"""Withdrawals: the monitor no longer asks for what it had asked for.

`requests/<model>/000003.withdrawn.json`, created once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.records.requests import key_beside
from slipway.records.store import encode, find_value

if TYPE_CHECKING:
    from slipway.records.requests import Request
    from slipway.records.store import Store


ENDING = ".withdrawn.json"
"""Of the key, after that of the request."""


@dataclass(frozen=True)
class Withdrawal:
    """Withdrawal of a request.

    Attributes:
        reason: What the windows say now.
        at: Wall time, ISO 8601, UTC.
    """

    reason: str
    at: str


def withdraw(store: Store, request: Request, *, reason: str) -> None:
    """Withdraw a request; the first reason counts."""
    withdrawal = Withdrawal(reason, datetime.now(UTC).isoformat())
    store.create(key_beside(request, ENDING), encode(asdict(withdrawal)))


def find_withdrawal(store: Store, request: Request) -> Withdrawal | None:
    """Return the withdrawal of a request, or None."""
    return find_value(store, key_beside(request, ENDING), lambda value: Withdrawal(**value))
