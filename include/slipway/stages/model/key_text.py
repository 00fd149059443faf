"""Write keys as text: the form in which predictions are logged and joined with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import ColumnType, canonical_text

if TYPE_CHECKING:
    import pandas as pd


def key_texts(keys: pd.Series) -> pd.Series:
    """Return keys as their canonical texts, null where a key is missing.

    Args:
        keys: Keys in the types that tables keep.
    """
    kind = str(keys.dtype)
    if kind in {"str", "string", "Int64", "int64"}:
        return keys.astype("str")
    return keys.map(canonical_text, na_action="ignore").astype("str")


def logged_key_texts(keys: pd.Series, kind: ColumnType) -> pd.Series:
    """Return logged keys as canonical texts of the key's type; null where one cannot be a key.

    So a key that was once logged in another spelling, such as `7.0` for 7, finds its label.

    Args:
        keys: Keys as they stand in a prediction log.
        kind: Declared type of the key.
    """
    texts: pd.Series = keys.astype("str")
    if kind == "string":
        return texts
    return texts.map(lambda text: _canonical(text, kind), na_action="ignore").astype("str")


def _canonical(text: str, kind: ColumnType) -> str | None:
    try:
        value = parse(text, kind)
    except BadValue:
        return None
    return None if value is None else canonical_text(value)
