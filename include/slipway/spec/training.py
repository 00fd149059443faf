"""Spec of a training: its rows, its holdout, and which model becomes a version."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipway.spec.base import Spec
from slipway.spec.calibration import Calibration, DecisionCosts
from slipway.spec.labels import ClassWeights


class Training(Spec):
    """Training rows and holdout of a challenger."""

    split: Literal["time", "random"] = Field(
        default="time",
        description="`time`: the newest rows are held out. `random`: a share of all keys, which "
        "cannot show how a model does on newer rows.",
    )
    window_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Length of a sliding window; none: the window expands.",
    )
    holdout_days: int = Field(
        default=28,
        ge=1,
        le=36_500,
        description="The newest labelled days, kept for the gates by `split: time`.",
    )
    holdout_share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of the keys that is kept for the gates by `split: random`.",
    )
    min_rows: int = Field(default=1000, ge=1, description="Least number of training rows.")
    class_weights: ClassWeights = Field(
        default=None,
        description="Weight of the rows of each class in the fit: `balanced`, so that each class "
        "weighs the same, or by class, 1 for others. Probabilities shift with them.",
    )
    calibration: Calibration | None = Field(
        default=None,
        description="Rows that the estimator does not see, by which the probabilities of a "
        "classifier are corrected; none: they are as the estimator gives them.",
    )
    decision: DecisionCosts | None = Field(
        default=None,
        description="What wrong classes cost, by which the score is chosen above which class 1 is "
        "predicted, on the rows of the calibration; none: one half. The answers stay scores.",
    )
    ship: Literal["judged", "refit"] = Field(
        default="judged",
        description="What becomes a version once the gates hold: `judged`, the model that they "
        "judged; `refit`, one that is fitted again to all labelled rows, the holdout's too.",
    )
    seed: int = Field(default=7, ge=0, lt=2**32, description="For every random choice.")
