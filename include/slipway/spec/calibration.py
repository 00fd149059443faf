"""Spec of calibration: rows of the training that correct a classifier's probabilities."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipway.spec.base import Spec

ISOTONIC_ROWS = 1_000
"""Rows that an isotonic calibration asks for; of fewer it learns chance."""


class DecisionCosts(Spec):
    """What wrong classes cost, of two."""

    false_positive: float = Field(gt=0, description="Cost of class 1 where class 0 turns out.")
    false_negative: float = Field(gt=0, description="Cost of class 0 where class 1 turns out.")


class Calibration(Spec):
    """Rows of the training that the estimator does not see, by which its scores are corrected."""

    method: Literal["sigmoid", "isotonic"] = Field(
        default="sigmoid",
        description="`sigmoid`: a logistic curve, for few rows. `isotonic`: a rising step "
        "function, for 1,000 rows or more.",
    )
    days: int = Field(
        default=14,
        ge=1,
        le=36_500,
        description="The newest days of the training rows, by `split: time`.",
    )
    share: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Share of the keys of the training rows, by `split: random`.",
    )
    min_rows: int = Field(default=200, ge=20, description="Least number of such rows.")
