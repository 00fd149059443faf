"""The clock of leases in a script, which can be moved ahead."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import ClassVar


class ShiftedClock(datetime):
    """The clock of leases.

    Attributes:
        ahead: How far it is ahead.
    """

    ahead: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Wall time, as far ahead."""
        return datetime.now(tz) + cls.ahead


def seconds_ahead() -> float:
    """How far the clock of leases is ahead, in seconds."""
    return ShiftedClock.ahead.total_seconds()
