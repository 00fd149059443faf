"""Ways of encoding categories, one row each.

Adding a way means adding a row to `ENCODINGS`, and the function that builds its transformer.
Imports no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict


@dataclass(frozen=True)
class EncodingMethod:
    """A way of encoding categories.

    Attributes:
        name: Its name in specs.
        encoder: Import path of a function of (encoding, task, seed) that returns a transformer.
        groups: Whether rare categories can be grouped.
        trusted_types: Types that skops may build for it, beside its safe ones.
    """

    name: str
    encoder: str
    groups: bool = False
    trusted_types: tuple[str, ...] = ()


_ENCODERS = "slipway.adapters.model_package.encoders."
ENCODINGS: Mapping[str, EncodingMethod] = {
    row.name: row
    for row in (
        EncodingMethod("one_hot", f"{_ENCODERS}one_hot", groups=True),
        EncodingMethod(
            "target",
            f"{_ENCODERS}by_target",
            trusted_types=("sklearn.model_selection._split.KFold",),
        ),
    )
}

if TYPE_CHECKING:
    EncodingName = str
else:
    EncodingName = Literal[tuple(ENCODINGS)]


class Encoding(Spec):
    """Encoding of categories; the name of a method alone is short for it."""

    method: EncodingName = Field(
        default="one_hot",
        description="`one_hot`: a feature for each category. `target`: the mean of the target by "
        "category, cross-fitted; such a version is served by its pipeline.",
    )
    rare_below: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Of `one_hot`: categories of a smaller share of the training rows, and unseen "
        "ones, are one category.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, given: Any) -> Any:
        return {"method": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _groups(self) -> Encoding:
        if self.rare_below is not None and not ENCODINGS[self.method].groups:
            raise SpecConflict(f"{self.method} groups no rare categories", field=("rare_below",))
        return self
