"""Tell from the ledger which requests ended in a failure that no retry can help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ended_in_failure(fact: Mapping[str, Any]) -> bool:
    """Return whether a fact of a ledger answers a request that failed for good; pure."""
    return fact.get("stage") == "answer" and fact.get("numbers", {}).get("outcome") == "failed"


def in_one_line(reason: str) -> str:
    """Return a reason that may hold an error with its hint, without line breaks."""
    return "; ".join(part.strip() for part in reason.splitlines() if part.strip())
