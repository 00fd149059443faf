"""Which engine may answer for a model version: its ONNX form, or the pipeline it was learnt as.

A form is taken only if it answered as the pipeline does on every kind of rows that was tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

TOLERANCE = 1e-6
"""Allowed difference: absolute for scores below 1, relative above; XGBoost itself adds floats."""


@dataclass(frozen=True)
class Compared:
    """Some rows of one kind, scored by both engines.

    Attributes:
        kind: What is special about them.
        rows: How many.
        max_difference: The largest difference, absolute below 1 and relative above.
        flips: Rows that get another label at 0.5. Where the pipeline's own score is within the
            tolerance of 0.5 none is counted: there its label hangs on the last rounding.
    """

    kind: str
    rows: int
    max_difference: float
    flips: int

    @property
    def agrees(self) -> bool:
        """Whether the two answered alike; a score that is no number does not."""
        return self.max_difference <= TOLERANCE and self.flips == 0


@dataclass(frozen=True)
class Parity:
    """How alike the two engines answered.

    Attributes:
        rows: How many rows were compared.
        max_difference: As in `Compared`, over all of them; None when a score was no number.
        flips: As in `Compared`, over all of them.
        kinds: How many kinds of rows were compared.
    """

    rows: int
    max_difference: float | None
    flips: int
    kinds: int


@dataclass(frozen=True)
class Engine:
    """Which engine answers for a version.

    Attributes:
        name: The engine.
        reason: Why, in words.
        parity: What was compared; None when there was no ONNX form to compare with.
    """

    name: Literal["onnx", "sklearn"]
    reason: str
    parity: Parity | None = None

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON, as a manifest keeps it."""
        return asdict(self)


def choose_engine(compared: Sequence[Compared]) -> Engine:
    """The ONNX form if it agreed on every kind of rows, else the pipeline.

    Args:
        compared: At least one kind of rows.
    """
    largest = max((_size(one.max_difference) for one in compared), default=math.inf)
    parity = Parity(
        rows=sum(one.rows for one in compared),
        max_difference=largest if math.isfinite(largest) else None,
        flips=sum(one.flips for one in compared),
        kinds=len(compared),
    )
    failed = [one for one in compared if not one.agrees]
    if not compared or parity.rows == 0:
        return Engine("sklearn", "parity: there was no row to compare", parity)
    if failed:
        return Engine("sklearn", f"parity: {_told(failed)}", parity)
    reason = (
        f"{parity.rows:,} rows of {parity.kinds} kinds differ by at most {largest:.1e} "
        f"from the pipeline's scores, and no label flips"
    )
    return Engine("onnx", reason, parity)


def without_form(why: str) -> Engine:
    """The pipeline, because it could not be written as ONNX."""
    return Engine("sklearn", f"conversion failed: {why}")


def _told(failed: Sequence[Compared]) -> str:
    worst = max(failed, key=lambda one: _size(one.max_difference))
    size = _size(worst.max_difference)
    by = f"differ by up to {size:.1e}" if math.isfinite(size) else "have a score that is no number"
    flips = sum(one.flips for one in failed)
    flipped = f", and {flips:,} of all labels flip" if flips else ""
    return f"{worst.kind} {by} (allowed: {TOLERANCE:.0e}){flipped}"


def _size(difference: float) -> float:
    return math.inf if math.isnan(difference) else difference
