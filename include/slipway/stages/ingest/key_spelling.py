"""Find how the keys of labels are spelt otherwise than the keys of the features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from slipway.values.bad_value import shape_of

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 10_000
"""Keys of labels that are compared in other spellings."""

KNOWN_AT_MOST = 1_000_000
"""Keys of the features that they are compared with."""

_MOST = 0.5

_SPELLINGS: Mapping[str, Callable[[Any], Any]] = {
    "zeros in front": lambda keys: keys.str.lstrip("0"),
    "blanks around them": lambda keys: keys.str.strip(),
    "upper and lower case": lambda keys: keys.str.lower(),
    "`.0` at the end": lambda keys: keys.str.removesuffix(".0"),
    "their Unicode form": lambda keys: keys.str.normalize("NFC"),
    "zeros in front, case, blanks and marks": lambda keys: (
        keys.str.lower().str.replace(r"[\W_]", "", regex=True).str.lstrip("0")
    ),
}


def spelling_hint(unknown: pd.Series, known: pd.Series) -> str | None:
    """Return why keys that should be equal are not; None where nothing tells.

    Args:
        unknown: Keys of labels that belong to no row of the features.
        known: Keys of the features.
    """
    unknown, share = unknown.drop_duplicates(), 1.0
    unknown = unknown.sample(min(len(unknown), LOOKED_AT), random_state=0).astype("str")
    if len(known) > KNOWN_AT_MOST:
        share = KNOWN_AT_MOST / len(known)
        known = known.sample(KNOWN_AT_MOST, random_state=0)
    known = known.astype("str")
    theirs, these = _commonest_shape(known), _commonest_shape(unknown)
    shapes = f"keys of the features are such as {theirs}, those of these labels such as {these}"
    for difference, spelt in _SPELLINGS.items():
        if spelt(unknown).isin(spelt(known)).mean() >= _MOST * share:
            return (
                f"they would match in all but {difference}: {shapes}; deliver keys as texts that "
                "are equal in both streams (a spreadsheet drops zeros in front)"
            )
    if theirs == these:
        return None
    return f"{shapes}; if these are not the labels of rows to come, the keys are of another kind"


def _commonest_shape(keys: pd.Series) -> str:
    return str(keys.iloc[:LOOKED_AT].map(shape_of).mode().iloc[0])
