"""Spec of importance in production: whether a window's answers are made of the same columns."""

from __future__ import annotations

from pydantic import Field

from slipway.spec.base import Spec


class Importance(Spec):
    """SHAP values of a sample of a window's predictions, beside those of the evaluation."""

    rows: int = Field(
        default=300, ge=100, le=10_000, description="Predictions, drawn by the model's seed."
    )
    max_seconds: float = Field(
        default=30.0,
        ge=5,
        le=3600,
        description="Time for each window, the import of shap apart; where it is short, fewer "
        "predictions are explained.",
    )
    min_in_common: float = Field(
        default=0.75,
        gt=0,
        lt=1,
        description="Share of the explanation that window and evaluation have in common, below "
        "which the verdict warns, once that is shown at 99 %. It requests no training.",
    )
