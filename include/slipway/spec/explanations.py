"""Spec of explanations: what a challenger's answers are made of, and how stable that is."""

from __future__ import annotations

from pydantic import Field

from slipway.spec.base import Spec


class Explanations(Spec):
    """SHAP values of a sample of holdout rows, by raw column."""

    rows: int = Field(
        default=500, ge=100, le=10_000, description="Holdout rows, drawn by the model's seed."
    )
    min_stability: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Least share of the explanation that challenger and champion have in common on "
        "the same rows: the sum over the columns of the smaller of both shares; none: it is shown "
        "and not judged.",
    )
    max_seconds: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        description="Time for each of the two models, the import of shap apart; where it is short, "
        "fewer rows are explained.",
    )
