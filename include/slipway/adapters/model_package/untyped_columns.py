"""Cast raw columns of versions that were saved before their manifests had declared types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn

LARGEST = float(np.finfo(np.float32).max)
"""Beyond it, estimators that compute in floats refuse all rows or round to infinity."""


def cast_untyped(values: pd.Series[Any], column: RawColumn) -> pd.Series[Any]:
    """Return numbers as float64, categories as the text that Python has for them.

    Raises:
        BadRequest: One cannot be cast.
    """
    return _strings(values) if column.kind == "string" else _numbers(values, column.name)


def _numbers(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    try:
        numbers = pd.to_numeric(values).astype("float64")
    except (TypeError, ValueError):
        # `from None`: the original message quotes the value, which must not be echoed.
        raise BadRequest(
            "the model cannot score these rows",
            expected="numbers",
            found="something else",
            where=f"column {name}",
        ) from None
    if (np.abs(numbers.to_numpy()) > LARGEST).any():
        raise BadRequest(
            "the model cannot score these rows",
            expected=f"numbers within \u00b1{LARGEST:.1e}",
            found="one beyond",
            where=f"column {name}",
        )
    return numbers


def _strings(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        # A nullable integer column comes as float; "5" and "5.0" must be one category.
        values = values.astype("Int64")
    strings = values.astype("object").map(str, na_action="ignore").where(values.notna(), np.nan)
    # Where every value is missing pandas infers float64, which the encoder refuses.
    return strings.astype("object")
