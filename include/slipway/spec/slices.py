"""Spec of slices: parts of the holdout in which a challenger may not be worse."""

from __future__ import annotations

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict

SliceValue = str | int | bool


class SliceRange(Spec):
    """Range of a number."""

    min: float | None = Field(default=None, description="Least value, itself included.")
    max: float | None = Field(default=None, description="Values are below it.")

    @model_validator(mode="after")
    def _not_empty(self) -> SliceRange:
        if self.min is None and self.max is None:
            raise SpecConflict("a range has `min` or `max`", field=("min",))
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise SpecConflict("`min` is below `max`", field=("min",))
        return self


SliceCondition = SliceValue | list[SliceValue] | SliceRange


class Slices(Spec):
    """Slices of the holdout, and how much worse than the champion a challenger may be in one."""

    columns: list[str] = Field(
        default_factory=list,
        description="Columns each of whose values is a slice, or each of whose bins, of a number.",
    )
    bins: int = Field(
        default=4, ge=2, le=20, description="Bins of a number, each of as many holdout rows."
    )
    named: dict[str, dict[str, SliceCondition]] = Field(
        default_factory=dict,
        description="Slices by name: conditions by column that all hold, a value, several values, "
        "or a range.",
    )
    min_rows: int = Field(
        default=200, ge=20, description="Smaller slices are counted, and not compared."
    )
    max_loss: float = Field(
        default=0.0,
        ge=0,
        description="A challenger is refused where it is shown to be worse than the champion by "
        "more than this in a slice, in the first metric's unit; all slices together err in at "
        "most 1 minus `confidence`.",
    )

    @property
    def used_columns(self) -> tuple[str, ...]:
        """Columns that the slices are made of."""
        named = (column for conditions in self.named.values() for column in conditions)
        return tuple(dict.fromkeys([*self.columns, *named]))

    @model_validator(mode="after")
    def _some(self) -> Slices:
        if not self.used_columns:
            raise SpecConflict("slices need `columns` or `named`", field=("columns",))
        return self
