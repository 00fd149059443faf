"""Verdicts: decisions of stages, in one form for log, page, task and ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import NotComputable

Number = int | float | str | bool | None


@dataclass(frozen=True)
class Verdict:
    """Decision of a stage.

    Attributes:
        action: Word of the stage's own list (`promote`, `refuse`, `blocked`, …).
        reason: Reason in a sentence that a person can act on.
        numbers: Numbers that were compared, by name.
        evidence: URI or store key by name.

    Raises:
        NotComputable: A number is not finite.
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
        """Return the verdict as plain JSON."""
        return {
            "action": self.action,
            "reason": self.reason,
            "numbers": dict(self.numbers),
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """Return the verdict that `to_json` wrote."""
        return cls(**value)
