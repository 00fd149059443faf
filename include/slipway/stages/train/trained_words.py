"""Words of a training's verdict about its rows, the correction of scores, and the decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.spec.calibration import ISOTONIC_ROWS, Calibration
from slipway.stages.model.decision import THRESHOLD
from slipway.stages.train.calibration_rows import CALIBRATION_ROWS
from slipway.values.figures import in_few_digits


def learnt_rows(numbers: Mapping[str, Any]) -> str:
    """Return the number of training rows in words, with those that correct the scores.

    Args:
        numbers: Numbers of the training.
    """
    kept = numbers.get(CALIBRATION_ROWS, 0)
    beside = f", corrected by {kept:,} further ones," if kept else ""
    return f"{numbers['training_rows'] - kept:,} rows{beside}"


def corrected_scores(numbers: Mapping[str, Any], asked: Calibration | None) -> Iterator[str]:
    """Yield the threshold that costs chose, and that a correction had few rows.

    Args:
        numbers: Numbers of the training.
        asked: Calibration of the spec; None: there is none.
    """
    if THRESHOLD in numbers:
        yield f"Class 1 is predicted above the score {in_few_digits(numbers[THRESHOLD])}."
    rows = numbers.get(CALIBRATION_ROWS, 0)
    if asked is not None and asked.method == "isotonic" and rows < ISOTONIC_ROWS:
        yield (
            f"An isotonic calibration asks for {ISOTONIC_ROWS:,} rows or more, and had {rows:,}: "
            "`sigmoid` takes fewer."
        )
