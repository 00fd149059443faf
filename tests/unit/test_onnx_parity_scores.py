"""The parity check between a pipeline's scores and its ONNX form's."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from slipway.adapters.model_package.onnx_parity import compare_scores


@pytest.mark.parametrize(("task", "flips"), [("classification", 1), ("regression", 0)])
def test_only_classes_can_flip(task: Literal["classification", "regression"], flips: int) -> None:
    """A score that crosses a half changes a label; for a regression a half is a number as any."""
    expected, found = np.array([0.2, 0.4999, 0.9]), np.array([0.2, 0.5001, 0.9])
    check = compare_scores("rows", expected, found, task=task)
    assert (check.rows, check.flips) == (3, flips)
    assert check.max_difference == pytest.approx(0.0002)


def test_a_score_on_the_border_cannot_flip() -> None:
    """Within the tolerance of a half either label is right."""
    expected, found = np.array([0.5 - 1e-9]), np.array([0.5 + 1e-9])
    assert compare_scores("rows", expected, found, task="classification").flips == 0


def test_a_score_that_is_no_number_is_the_largest_difference() -> None:
    """It is within no tolerance."""
    check = compare_scores("rows", np.zeros(2), np.array([0.0, np.nan]), task="regression")
    assert np.isnan(check.max_difference)
