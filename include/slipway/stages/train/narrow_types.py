"""Hold the rows of a training in the narrowest types that keep every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FEW_TEXTS = 0.5
"""A column of texts becomes categories where at most this share of its values is distinct."""


def narrowed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in narrower types: the same values, and the same missing ones.

    Integers get the smallest width that holds them, repeated texts one object each. Numbers stay
    doubles, since single precision would round them.

    Args:
        rows: Rows as tables are read: `Int64`, `boolean`, `float64`, `str` and timestamps.
    """
    import pandas as pd

    return pd.DataFrame({name: _narrowed(rows[name]) for name in rows}, index=rows.index)


def _narrowed(values: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    if values.dtype == "Int64" and values.notna().any():
        least, greatest = values.min(), values.max()
        for bits, width in ((7, pd.Int8Dtype()), (15, pd.Int16Dtype()), (31, pd.Int32Dtype())):
            if -(2**bits) <= least and greatest < 2**bits:
                return values.astype(width)
    if isinstance(values.dtype, pd.StringDtype) and values.nunique() <= FEW_TEXTS * len(values):
        return values.astype("category")
    return values
