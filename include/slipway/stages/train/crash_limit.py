"""Crash limit: give up a stage that crashes again and again, or it would block retraining for ever.

A transient error that Slipway knows is retried without a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNEXPECTED_ERROR_LIMIT = 2
"""Attempts, of which the newest ended with an error that no Slipway error class describes."""

KILLED_LIMIT = 10
"""Attempts, of which the newest was killed without recording an error: out of memory or of time."""


def crash_limit_reason(failure: Mapping[str, Any], attempts: int) -> str | None:
    """Return why a stage is given up, or None while another attempt may succeed.

    Args:
        failure: Failure of the newest attempt; empty when it recorded none.
        attempts: Number of attempts that have begun.
    """
    if failure.get("traceback") and attempts >= UNEXPECTED_ERROR_LIMIT:
        # The error's message may hold feature values; its class does not.
        return f"failed in attempt {attempts} with an unexpected {failure['kind']}; see its log."
    if not failure and attempts >= KILLED_LIMIT:
        return f"was killed in attempt {attempts}; look at the memory and the time that it needs."
    return None
