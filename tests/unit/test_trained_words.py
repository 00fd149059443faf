"""Verdict of a training: what it says of few rows for a calibration, and of a decision."""

from __future__ import annotations

from slipway.spec.calibration import ISOTONIC_ROWS, Calibration
from slipway.stages.train.trained_words import corrected_scores, learnt_rows


def test_few_rows_of_an_isotonic_calibration_are_told() -> None:
    """Not of enough, nor of a curve of two numbers."""
    isotonic = Calibration(method="isotonic")
    [told] = corrected_scores({"calibration_rows": 342}, isotonic)
    assert told == (
        "An isotonic calibration asks for 1,000 rows or more, and had 342: `sigmoid` takes fewer."
    )
    assert not list(corrected_scores({"calibration_rows": ISOTONIC_ROWS}, isotonic))
    assert not list(corrected_scores({"calibration_rows": 342}, Calibration(method="sigmoid")))
    assert not list(corrected_scores({}, None))


def test_rows_and_decision_are_told() -> None:
    """Those that correct the scores are not learnt from."""
    numbers = {"training_rows": 2_000, "calibration_rows": 342, "decision_threshold": 0.16666667}
    assert learnt_rows(numbers) == "1,658 rows, corrected by 342 further ones,"
    assert learnt_rows({"training_rows": 2_000}) == "2,000 rows"
    assert list(corrected_scores(numbers, Calibration())) == [
        "Class 1 is predicted above the score 0.1667."
    ]
