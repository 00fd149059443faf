"""Verdicts: what a stage decided, in the one form that the log, the page and the ledger show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import NotComputable

Number = int | float | str | bool | None


@dataclass(frozen=True)
class Verdict:
    """What a stage decided, and why.

    Attributes:
        action: One word or two, from the stage's own list (`promote`, `refuse`, `blocked`, …).
        reason: The decision in a sentence that a person can act on.
        numbers: The numbers that were compared, by name.
        evidence: Where to look: name to URI or store key.

    Raises:
        NotComputable: A number is not finite, so there is nothing to compare.
    """

    action: str
    reason: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.numbers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise NotComputable(
                    f"the verdict {self.action!r} has no {name}",
                    expected="a finite number, or None where there is none",
                    found=str(value),
                )

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return {
            "action": self.action,
            "reason": self.reason,
            "numbers": dict(self.numbers),
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """The value that `to_json` wrote."""
        return cls(**value)
