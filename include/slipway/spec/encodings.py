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
        estimators: How the import paths of estimators that take it begin; empty: any takes it.
        trusted_types: Types that skops may build for it, beside its safe ones.
    """

    name: str
    encoder: str
    groups: bool = False
    estimators: str = ""
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
        EncodingMethod("native", f"{_ENCODERS}native", estimators="xgboost."),
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
        "category, cross-fitted. `native`: the codes that XGBoost splits by itself. A version with "
        "one of the last two is served by its pipeline.",
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


def check_encodings(default: Encoding, own: Mapping[str, Encoding], *, estimator: str) -> None:
    """Raise unless an estimator takes every way of encoding.

    Args:
        default: Encoding of the columns that have none of their own.
        own: Encodings by column.
        estimator: Its import path.

    Raises:
        SpecConflict: It does not take one.
    """
    fields: dict[tuple[str, ...], Encoding] = {("encoding",): default}
    fields |= {("encodings", name): one for name, one in own.items()}
    for field, encoding in fields.items():
        needed = ENCODINGS[encoding.method].estimators
        if not estimator.startswith(needed):
            raise SpecConflict(
                f"{encoding.method} is an encoding for estimators of {needed.strip('.')}, "
                f"given {estimator}",
                field=("features", *field),
                hint="use `target`, or `rare_below`",
            )
