"""Spec of robustness: changes to the holdout's features under which a model may lose little."""

from __future__ import annotations

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict

KINDS = ("noise", "missing", "extremes", "unseen")
"""Kinds of changes, as the fields name them."""


class Robustness(Spec):
    """Seeded changes to the holdout's features, each of which the model is measured under."""

    noise: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Normal noise on every number, as a multiple of its standard deviation.",
    )
    missing: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of the cells that become missing, of columns that may be.",
    )
    extremes: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of the numbers that become ten times as far from the middle as any "
        "training row.",
    )
    unseen: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of the categories that become one that no training row has.",
    )
    max_drop: float | None = Field(
        default=None,
        gt=0,
        description="Refused where a change makes the first metric worse by more than this; a "
        "first model is measured only without it.",
    )
    max_loss: float = Field(
        default=0.0,
        ge=0,
        description="Refused where the challenger is shown to be worse than the champion by more "
        "than this on rows with the same changes; all of them together err in at most 1 minus "
        "`confidence`.",
    )

    @property
    def asked(self) -> dict[str, float]:
        """Sizes of the changes that the spec asks for, by kind."""
        sizes = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: size for kind, size in sizes.items() if size is not None}

    @model_validator(mode="after")
    def _some(self) -> Robustness:
        if not self.asked:
            raise SpecConflict(f"robustness needs one of {', '.join(KINDS)}", field=("noise",))
        return self
