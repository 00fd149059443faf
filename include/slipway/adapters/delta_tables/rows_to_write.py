"""Compute frames on a thread of their own while the frames before them are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pandas as pd
import pyarrow as pa

from slipway.adapters.delta_tables.column_types import to_arrow
from slipway.records.attempts import Attempt


class RowsToWrite:
    """Frames to write, each computed while the one before it is written.

    They are computed on a thread of their own: the writer requests them on a thread of its
    runtime, on which nothing may be read through that runtime.
    """

    def __init__(self, frames: Iterable[pd.DataFrame], attempt: Attempt, **constants: str) -> None:
        self._frames = iter(frames)
        self._constants = constants
        self.attempt = attempt
        self.written = 0
        self.error: Exception | None = None

    def first(self, table: str) -> pa.Table | None:
        """Return the first frame in the table's types, or None if there is none."""
        self._table = table
        frame = next(self._frames, None)
        if frame is None:
            return None
        self._frames = chain([frame], self._frames)
        return self._arrow(frame)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows, then check the attempt.

        An error is kept in `error`, since the writer keeps only its message.
        """
        with ThreadPoolExecutor(max_workers=1) as maker:
            try:
                made = maker.submit(next, self._frames, None)
                while (frame := made.result()) is not None:
                    made = maker.submit(next, self._frames, None)
                    self.written += len(frame)
                    yield from self._arrow(frame).select(schema.names).cast(schema).to_batches()
                maker.submit(self.attempt.check).result()
            except Exception as error:
                self.error = error
                raise

    def _arrow(self, frame: pd.DataFrame) -> pa.Table:
        return to_arrow(frame.assign(**self._constants), table=self._table)
