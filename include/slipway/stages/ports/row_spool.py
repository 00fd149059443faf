"""Row spool port: the cast rows of one delivery, kept on the local disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from slipway.values.value_types import ColumnType

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

FRAME_ROWS = 262_144
"""Rows of a frame; of 20 columns it takes about 50 MiB, and its validation three times that."""


class RowSpool(Protocol):
    """The rows of one delivery in their declared types, numbered from 0.

    They are written once and read several times, in frames of bounded size.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Declared columns, and those that are derived."""

    def append(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows: an array of each declared column, all of one length."""

    def __len__(self) -> int:
        """Number of rows so far."""

    def frames(
        self,
        columns: Sequence[str] | None = None,
        *,
        keep: np.ndarray | None = None,
        at_most: int = FRAME_ROWS,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, in frames that are indexed by row number.

        Strings are `str`, integers `Int64`, numbers `float64`, booleans `boolean` and timestamps
        `datetime64[us, UTC]`.

        Args:
            columns: Columns to read; None: all.
            keep: Mask over all rows; None: every row. Frames without a kept row are left out.
            at_most: Largest number of rows of a frame.
        """


OpenSpool = Callable[[Path, Mapping[str, ColumnType]], AbstractContextManager[RowSpool]]
"""Opens an empty spool in a folder, for columns of declared types."""
