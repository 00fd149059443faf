"""Spell moments for people: in UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(moment: datetime | str) -> str:
    """Return a moment as text: `2026-11-30 11:20:38 UTC`; never with microseconds.

    Args:
        moment: With a time zone, or in UTC without one; a text is ISO 8601.
    """
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    known = known.replace(tzinfo=UTC) if known.tzinfo is None else known.astimezone(UTC)
    return f"{known:%Y-%m-%d %H:%M:%S} UTC"
