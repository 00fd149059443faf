"""A delivery whose rows are in a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from slipway.stages.ports.delivery_source import BrokenLine, DeliveredRows


@dataclass(frozen=True)
class FrameDelivery:
    """Fulfils `OpenDelivery`.

    Attributes:
        frame: Its rows.
        broken: Lines that are no rows.
        doubts: Why it may be read wrongly.
        has_header_line: Whether the names stand in a line.
        indexes: Names of indexes that are no columns.
    """

    frame: pd.DataFrame
    broken: tuple[BrokenLine, ...] = ()
    doubts: tuple[str, ...] = ()
    has_header_line: bool = True
    indexes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the frame."""
        return tuple(map(str, self.frame.columns))

    def rows(self, columns: Sequence[str], *, at_most: int = 3) -> Iterator[DeliveredRows]:
        """Yield the rows in parts, and the broken lines after the last one."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        for start in range(0, len(self.frame), at_most):
            part = table.slice(start, at_most)
            arrays = {name: part.column(name).combine_chunks() for name in columns}
            yield DeliveredRows(arrays, part.num_rows, None, ())
        yield DeliveredRows({name: pa.nulls(0) for name in columns}, 0, None, self.broken)
