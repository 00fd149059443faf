"""Choose the engine that serves a model version: its ONNX form, or its scikit-learn pipeline.

The form is chosen only if its scores equal the pipeline's on every kind of rows compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slipway.records.verdicts import Number
from slipway.stages.model.version_tags import TAG_PREFIX

TOLERANCE = 1e-6
"""Allowed difference: absolute for scores below 1, relative above; XGBoost itself sums floats."""

TAGGED = ("engine", "engine_reason", "parity_max_difference", "parity_rows")
"""Numbers of the engine that become tags of the version."""


@dataclass(frozen=True)
class ParityCheck:
    """Comparison of both engines on rows of one kind.

    Attributes:
        kind: Kind of rows.
        rows: Number of rows.
        max_difference: The largest difference, absolute below 1 and relative above.
        flips: Rows with another label, at 0.5 or by the largest score of several. Rows whose
            pipeline score is within the tolerance of 0.5, or of the second largest, do not count:
            there the label depends on rounding.
    """

    kind: str
    rows: int
    max_difference: float
    flips: int

    @property
    def agrees(self) -> bool:
        """Whether the scores are equal within the tolerance; NaN is not."""
        return self.max_difference <= TOLERANCE and self.flips == 0


@dataclass(frozen=True)
class ParityTrial:
    """Comparisons of both engines, on some or all of the rows that there could be.

    Attributes:
        checks: Comparisons, one for each kind of rows that was scored.
        kinds: Number of kinds of rows that there could be.
        rows: Number of their rows.
    """

    checks: Sequence[ParityCheck]
    kinds: int
    rows: int


@dataclass(frozen=True)
class ParitySummary:
    """Comparison of both engines on all rows.

    Attributes:
        rows: Number of rows compared.
        of_rows: Number of rows that they were sampled from.
        max_difference: As in `ParityCheck`, over all rows; None when a score was NaN.
        flips: As in `ParityCheck`, over all rows.
        kinds: Number of kinds of rows compared.
        of_kinds: Number of kinds that they were sampled from.
    """

    rows: int
    of_rows: int
    max_difference: float | None
    flips: int
    kinds: int
    of_kinds: int

    def __str__(self) -> str:
        every = f"{self.rows:,} rows of {self.kinds:,} kinds"
        if (self.rows, self.kinds) == (self.of_rows, self.of_kinds):
            return every
        return f"{every} (a sample of {self.of_rows:,} rows of {self.of_kinds:,} kinds)"


@dataclass(frozen=True)
class EngineChoice:
    """Engine of a version.

    Attributes:
        name: `onnx` or `sklearn`.
        reason: Reason of the choice.
        parity: Comparison; None when there was no ONNX form.
        seconds: Duration of conversion and comparison.
    """

    name: Literal["onnx", "sklearn"]
    reason: str
    parity: ParitySummary | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the engine as plain JSON, for the manifest."""
        return asdict(self)


def numbers_of(manifest: Mapping[str, Any]) -> dict[str, Number]:
    """Return the engine in a manifest, as the numbers of a verdict."""
    engine = manifest["engine"]
    parity = engine["parity"] or {}
    return {
        "engine": engine["name"],
        "engine_reason": engine["reason"],
        "engine_seconds": engine["seconds"],
        "parity_max_difference": parity.get("max_difference"),
        "parity_rows": parity.get("rows"),
        "parity_of_rows": parity.get("of_rows"),
        "parity_kinds": parity.get("kinds"),
        "parity_of_kinds": parity.get("of_kinds"),
    }


def tags_of(numbers: Mapping[str, Number]) -> dict[str, str]:
    """Return a version's tags from the numbers of its training."""
    tagged = {name: numbers.get(name) for name in TAGGED}
    return {f"{TAG_PREFIX}{name}": str(one) for name, one in tagged.items() if one is not None}


def choose_engine(trial: ParityTrial, *, labels: bool) -> EngineChoice:
    """Return the ONNX form if it agrees on every kind of rows, else the pipeline.

    Args:
        trial: Comparisons, one for each kind of rows.
        labels: Whether scores are turned into labels.
    """
    compared = trial.checks
    largest = max((_size(one.max_difference) for one in compared), default=math.inf)
    parity = ParitySummary(
        rows=sum(one.rows for one in compared),
        max_difference=largest if math.isfinite(largest) else None,
        flips=sum(one.flips for one in compared),
        kinds=len(compared),
        of_rows=trial.rows,
        of_kinds=trial.kinds,
    )
    failed = [one for one in compared if not one.agrees]
    if not compared or parity.rows == 0:
        return EngineChoice("sklearn", "parity: there was no row to compare", parity)
    if failed:
        return EngineChoice("sklearn", f"parity: {_format_worst(failed)}", parity)
    equal = "equal" if largest == 0 else f"differ by at most {largest:.1e} from"
    unflipped = ", and no label flips" if labels else ""
    reason = f"the scores of {parity} {equal} the pipeline's"
    return EngineChoice("onnx", f"{reason}{unflipped}", parity)


def without_form(why: str) -> EngineChoice:
    """Return the pipeline, because it could not be converted to ONNX."""
    return EngineChoice("sklearn", f"conversion failed: {why}")


def _format_worst(failed: Sequence[ParityCheck]) -> str:
    worst = max(failed, key=lambda one: _size(one.max_difference))
    size = _size(worst.max_difference)
    by = f"differ by up to {size:.1e}" if math.isfinite(size) else "have a score that is no number"
    flips = sum(one.flips for one in failed)
    flipped = f", and {flips:,} of all labels flip" if flips else ""
    return f"{worst.kind} {by} (allowed: {TOLERANCE:.0e}){flipped}"


def _size(difference: float) -> float:
    return math.inf if math.isnan(difference) else difference
