"""Cells as they were delivered, in types that a quarantine file can hold.

Numbers, booleans and texts keep their types. Cells of all other types become Python objects, which
are written as text: few tools can read a date in the year 2941775, or a time zone on Mars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


def delivered_cells(cells: pa.Array | Sequence[object], rows: np.ndarray) -> pd.Series:
    """Return some cells of a column as they were delivered.

    Args:
        cells: As a delivery's `rows` returns them.
        rows: Positions of the cells.
    """
    import pandas as pd

    if isinstance(cells, Sequence):
        return pd.Series([cells[row] for row in rows], dtype="object")
    if _keeps_its_type(cells):
        return pd.Series(cells.take(rows), dtype=pd.ArrowDtype(cells.type))
    return pd.Series([_value(cells[int(row)]) for row in rows], dtype="object")


def join_frames(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return frames of delivered cells as one; a column of several types becomes objects."""
    import pandas as pd

    parts = list(frames)
    kinds: dict[str, set[object]] = {}
    for part in parts:
        for name in part.columns:
            kinds.setdefault(name, set()).add(part[name].dtype)
    # pandas would look for a type that holds both: for int64 and float64, it is float64.
    mixed = {name for name, found in kinds.items() if len(found) > 1}
    return pd.concat(
        [part.astype({name: "object" for name in part.columns if name in mixed}) for part in parts],
        ignore_index=True,
    )


def _keeps_its_type(cells: pa.Array) -> bool:
    import pyarrow as pa

    kind = cells.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            cells.validate(full=True)
        except pa.ArrowInvalid:
            return False
        return True
    is_number = (pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return pa.types.is_boolean(kind) or any(one(kind) for one in is_number)


def _value(cell: pa.Scalar) -> object:
    """A Python value; of a moment that Python has none for, the number that is stored."""
    import pyarrow as pa

    kind = cell.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        cell = cell.cast(pa.binary())
    try:
        return cell.as_py()
    except (ValueError, OverflowError, LookupError):
        return cell.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).as_py()  # noqa: PLR2004 - bits
