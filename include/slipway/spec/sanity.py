"""Spec of the sanity gates, which are on unless a spec turns them off."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from slipway.spec.base import Spec, SpecConflict


def _is_share(given: Any) -> Any:
    """Return a limit; one message tells all that it can be."""
    if given is False:
        return given
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1:
        raise SpecConflict("expected false, or a share above 0 and at most 1")
    return float(given)


ShareOrFalse = Annotated[float | Literal[False], BeforeValidator(_is_share)]


class Sanity(Spec):
    """Gates that catch mistakes of data and split; `sanity: false` turns all of them off."""

    constant_floor: bool = Field(
        default=True,
        description="Beside a champion, too, a challenger is better than a constant by the first "
        "metric; a first model always is by each.",
    )
    single_feature: ShareOrFalse = Field(
        default=0.999,
        description="Refused where one feature alone ranks the target so well (the area under its "
        "curve, by class; of a regression the rank correlation), and the model no better. "
        "`false`: not judged.",
    )
    renamed_label: ShareOrFalse = Field(
        default=0.99,
        description="Refused where a feature equals the target, whatever its words, on so large a "
        "share of the rows of each class, or of a regression's rows. `false`: not judged.",
    )
    split: bool = Field(
        default=True,
        description="The training's rows are found again, none is as new as the holdout (by "
        "`split: time`), and no key stands on both sides.",
    )
    duplicates: ShareOrFalse = Field(
        default=0.3,
        description="Share of the holdout, above chance, whose features and label may stand in the "
        "training rows, too. `false`: not judged.",
    )
    known_columns: list[str] = Field(
        default_factory=list,
        description="Features that may tell the target alone, since they are known when the model "
        "is asked.",
    )

    @model_validator(mode="before")
    @classmethod
    def _all_off(cls, given: Any) -> Any:
        if given is True:
            return {}
        if given is not False:
            return given
        off = ("constant_floor", "single_feature", "renamed_label", "split", "duplicates")
        return dict.fromkeys(off, False)
