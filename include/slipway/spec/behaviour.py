"""Spec of behaviour: tests of single answers, as unit tests are of code.

Source:
    Ribeiro et al. 2020, Beyond Accuracy: Behavioral Testing of NLP Models with CheckList.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.labels import GivenLabel

Cell = str | int | float | bool


class Invariance(Spec):
    """A column whose value may not matter."""

    column: str = Field(description="Feature of the model.")
    with_values: list[Cell] = Field(
        default_factory=list,
        description="Values that each row takes in turn; without them one of another row.",
    )
    max_change: float = Field(
        ge=0, description="Largest change of a score that is none, in the score's unit."
    )
    max_share: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the rows in which it may change by more."
    )


class Direction(Spec):
    """A number that may move the score only one way."""

    column: str = Field(description="Numeric feature of the model.")
    by: float = Field(gt=0, description="How much it is raised.")
    score: Literal["not_lower", "not_higher"] = Field(
        description="What the score may not become when the column is raised."
    )
    of_class: GivenLabel | None = Field(
        default=None, description="Of `task: multiclass`: the class whose score it is."
    )
    tolerance: float = Field(
        default=0.0, ge=0, description="Move the wrong way that is none, in the score's unit."
    )
    max_share: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the rows that may move by more."
    )


class Minimum(Spec):
    """A row whose answer is beyond doubt."""

    row: dict[str, Cell] = Field(
        min_length=1, description="Values by column; other features are missing."
    )
    above: float | None = Field(default=None, description="The score is above this.")
    below: float | None = Field(default=None, description="The score is below this.")
    of_class: GivenLabel | None = Field(
        default=None, description="Of `task: multiclass`: the class whose score it is."
    )

    @model_validator(mode="after")
    def _some_bound(self) -> Minimum:
        if self.above is None and self.below is None:
            raise SpecConflict("expected `above` or `below`", field=("above",))
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise SpecConflict("`above` is below `below`", field=("above",))
        return self


class Behaviour(Spec):
    """Tests of single answers that a challenger has to pass."""

    invariance: list[Invariance] = Field(
        default_factory=list, description="Columns whose value may not matter."
    )
    direction: list[Direction] = Field(
        default_factory=list, description="Numbers that may move the score only one way."
    )
    minimum: dict[str, Minimum] = Field(
        default_factory=dict, description="Rows by name, each with the side its score is on."
    )

    @property
    def count(self) -> int:
        """Number of tests."""
        return len(self.invariance) + len(self.direction) + len(self.minimum)

    @model_validator(mode="after")
    def _some(self) -> Behaviour:
        if not self.count:
            raise SpecConflict(
                "behaviour needs `invariance`, `direction` or `minimum`", field=("invariance",)
            )
        return self
