"""Which engine may answer for a model version: its ONNX form, or the pipeline it was learnt as.

A form is taken only if it answered as the pipeline does on every kind of rows that was tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slipway.records.verdicts import Number

TOLERANCE = 1e-6
"""Allowed difference: absolute for scores below 1, relative above; XGBoost itself adds floats."""

TAGGED = ("engine", "engine_reason", "parity_max_difference", "parity_rows")
"""Which of an engine's numbers become tags of the version."""

TAG_PREFIX = "slipway."


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
        seconds: What the conversion and the comparison took.
    """

    name: Literal["onnx", "sklearn"]
    reason: str
    parity: Parity | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON, as a manifest keeps it."""
        return asdict(self)


def numbers_of(manifest: Mapping[str, Any]) -> dict[str, Number]:
    """What a manifest says of the engine, as a verdict's numbers."""
    engine = manifest["engine"]
    parity = engine["parity"] or {}
    return {
        "engine": engine["name"],
        "engine_reason": engine["reason"],
        "engine_seconds": engine["seconds"],
        "parity_max_difference": parity.get("max_difference"),
        "parity_rows": parity.get("rows"),
    }


def tags_of(numbers: Mapping[str, Number]) -> dict[str, str]:
    """A version's tags, from the numbers of the verdict of its training."""
    told = {name: numbers.get(name) for name in TAGGED}
    return {f"{TAG_PREFIX}{name}": str(value) for name, value in told.items() if value is not None}


def choose_engine(compared: Sequence[Compared], *, labels: bool) -> Engine:
    """The ONNX form if it agreed on every kind of rows, else the pipeline.

    Args:
        compared: At least one kind of rows.
        labels: Whether a score stands for a label.
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
    equal = "equal" if largest == 0 else f"differ by at most {largest:.1e} from"
    unflipped = ", and no label flips" if labels else ""
    reason = f"the scores of {parity.rows:,} rows of {parity.kinds} kinds {equal} the pipeline's"
    return Engine("onnx", f"{reason}{unflipped}", parity)


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
