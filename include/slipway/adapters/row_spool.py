"""Keep the cast rows of a delivery in an Arrow file on the local disk (pyarrow)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from slipway.stages.ports.row_spool import FRAME_ROWS
from slipway.values.kernels import arrow_type
from slipway.values.value_types import ColumnType

_PANDAS_TYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


@contextmanager
def open_spool(folder: Path, columns: Mapping[str, ColumnType]) -> Iterator[ArrowSpool]:
    """Open an empty spool in a folder, and remove its file at the end."""
    path = folder / "rows.arrow"
    spool = ArrowSpool(path, columns)
    try:
        yield spool
    finally:
        spool.finish()
        path.unlink(missing_ok=True)


class ArrowSpool:
    """Fulfils `RowSpool`.

    Args:
        path: File to write.
        columns: Declared types by column.
    """

    def __init__(self, path: Path, columns: Mapping[str, ColumnType]) -> None:
        self._path = path
        self.names = tuple(columns)
        self._schema = pa.schema([(name, arrow_type(kind)) for name, kind in columns.items()])
        # Without a memory map: mapped pages count as memory of the process.
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = ipc.new_stream(self._sink, self._schema)
        self._is_written = False
        self._rows = 0

    def append(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows: an array of each declared column, all of one length."""
        batch = pa.RecordBatch.from_arrays(
            [columns[name] for name in self.names], schema=self._schema
        )
        self._writer.write_batch(batch)
        self._rows += batch.num_rows

    def __len__(self) -> int:
        """Number of rows so far."""
        return self._rows

    def frames(
        self,
        columns: Sequence[str] | None = None,
        *,
        keep: np.ndarray | None = None,
        at_most: int = FRAME_ROWS,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, in frames that are indexed by row number."""
        self.finish()
        for first, batches in self._parts(columns, at_most):
            table = pa.Table.from_batches(batches)
            rows = np.arange(first, first + table.num_rows)
            if keep is not None:
                kept = keep[first : first + table.num_rows]
                table, rows = table.filter(pa.array(kept)), rows[kept]
            if len(rows):
                frame: pd.DataFrame = table.to_pandas(types_mapper=_PANDAS_TYPES.get)
                yield frame.set_axis(pd.Index(rows))

    def finish(self) -> None:
        """End writing; a spool is read only afterwards."""
        if not self._is_written:
            self._writer.close()
            self._sink.close()
            self._is_written = True

    def _parts(
        self, columns: Sequence[str] | None, at_most: int
    ) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
        """Consecutive batches of at most some rows together, with the number of the first row."""
        first = 0
        gathered: list[pa.RecordBatch] = []
        with pa.OSFile(str(self._path), "rb") as source, self._reader(source, columns) as reader:
            for whole in reader:
                for start in range(0, whole.num_rows, at_most):
                    batch = whole.slice(start, at_most)
                    count = sum(one.num_rows for one in gathered)
                    if gathered and count + batch.num_rows > at_most:
                        yield first, gathered
                        first, gathered = first + count, []
                    gathered.append(batch)
        if gathered:
            yield first, gathered

    def _reader(
        self, source: pa.NativeFile, columns: Sequence[str] | None
    ) -> ipc.RecordBatchStreamReader:
        wanted = None if columns is None else [self.names.index(name) for name in columns]
        return ipc.open_stream(source, options=ipc.IpcReadOptions(included_fields=wanted))
