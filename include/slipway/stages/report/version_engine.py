"""Tell which engine serves a version, and why, by its tags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.stages.model.version_tags import TAG_PREFIX
from slipway.stages.train.engine_choice import TAGGED


@dataclass(frozen=True)
class VersionEngine:
    """Engine that serves one version.

    Attributes:
        name: `onnx` or `sklearn`; a version without the tag is served by its pipeline.
        reason: Reason for the engine; None when none is recorded.
        parity_max_difference: Largest difference from the pipeline's scores; None: not compared.
        parity_rows: Number of compared rows; None: not compared.
    """

    name: str
    reason: str | None
    parity_max_difference: float | None
    parity_rows: int | None

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> VersionEngine:
        """Read the engine from a version's tags."""
        values = {name: tags.get(f"{TAG_PREFIX}{name}") for name in TAGGED}
        difference = _number(values["parity_max_difference"])
        rows = _number(values["parity_rows"])
        return cls(
            name=values["engine"] or "sklearn",
            reason=values["engine_reason"],
            parity_max_difference=difference,
            parity_rows=None if rows is None else int(rows),
        )

    @property
    def shown(self) -> str:
        """The same in one line."""
        parity = (
            f" (parity {self.parity_max_difference:.1e})"
            if self.parity_max_difference is not None
            else ""
        )
        return f"{self.name}{parity}: {self.reason or 'no reason is recorded'}"


def _number(text: str | None) -> float | None:
    """Number in a tag; None where a hand left no number."""
    try:
        number = None if text is None else float(text)
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None
