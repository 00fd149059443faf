"""Say how severe a drift or a decay is: how many times its limit; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from slipway.records.verdicts import Number

_MEASURES = {"drifting": ("loudest", "loudest_limit"), "decayed": ("drop", "max_absolute_drop")}
"""By verdict: the numbers that were compared, and their limit."""

CLEAR, SEVERE = 1.5, 3.0
"""Times the limit from which on it is so."""


@dataclass(frozen=True)
class Severity:
    """Severity of one window.

    Attributes:
        level: Level.
        times: How many times the limit; None: no number alone decided.
    """

    level: Literal["slight", "clear", "severe"]
    times: float | None

    def __str__(self) -> str:
        """The severity in words."""
        return (
            self.level if self.times is None else f"{self.level}, {self.times:.1f} times the limit"
        )


def severity_of(action: str, numbers: Mapping[str, Number]) -> Severity:
    """Return the severity of a window.

    One that is beyond no limit of a number, but has values or columns of another kind, is clear.
    One in which a constant is shown to be better is severe, whatever loss the comparator finds.

    Args:
        action: `drifting` or `decayed`.
        numbers: Numbers of its verdict.
    """
    value, limit = (numbers.get(name) for name in _MEASURES[action])
    lower = numbers.get("drop_lower")
    if (
        action == "decayed"
        and isinstance(lower, int | float)
        and isinstance(limit, int | float)
        and lower <= limit
    ):
        return Severity("severe", None)
    if not isinstance(value, int | float) or not isinstance(limit, int | float) or limit <= 0:
        return Severity("clear", None)
    times = value / limit
    if times <= 1:
        return Severity("clear", None)
    if times >= SEVERE:
        return Severity("severe", times)
    return Severity("clear" if times >= CLEAR else "slight", times)
