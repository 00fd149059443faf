"""Read a Parquet file, or a folder of its parts, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from slipway.adapters.sources.columns import positions_of
from slipway.adapters.sources.unreadable import (
    HEAD_BYTES,
    empty_file,
    no_rows,
    not_of_format,
    truncated,
)
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, DeliveredRows

_READ_BYTES = 2**20

BATCH_BYTES = 64 * 2**20
"""Size in memory, as far as the file tells, of rows that are read at once."""


@dataclass(frozen=True)
class ParquetFile:
    """Fulfils `OpenDelivery` for Parquet.

    Attributes:
        parts: Files, in order; each has every column that is read.
        names: Names of all columns of the first part.
        doubts: None: Parquet tells the types.
        has_header_line: False.
        indexes: Names of pandas' indexes that are counted, so that the file has no column of them.
    """

    parts: tuple[Path, ...]
    names: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    has_header_line: bool = False
    indexes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> ParquetFile:
        """Read the schema of a file, or of the first part in a folder.

        Raises:
            BadBatch: It cannot be read.
        """
        parts = tuple(sorted(path.iterdir())) if path.is_dir() else (path,)
        if not parts:
            raise empty_file("at least one part")
        with _opened(parts[0]) as file:
            schema = file.schema_arrow
            return cls(parts, tuple(schema.names), indexes=_counted_indexes(schema))

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on, in the types that the file has.

        Raises:
            BadBatch: A part lacks a column, its bytes are damaged, or there is no row.
        """
        is_empty = True
        for part in self.parts:
            with _opened(part) as file:
                positions_of(file.schema_arrow.names, columns)
                count = min(at_most, _rows_at_once(file.metadata, columns))
                for batch in file.iter_batches(count, columns=list(columns)):
                    if not batch.num_rows:
                        continue
                    is_empty = False
                    # A name with a dot is also the path of a nested column.
                    at = positions_of(batch.schema.names, columns)
                    cells = {
                        name: batch.column(here) for name, here in zip(columns, at, strict=True)
                    }
                    yield DeliveredRows(cells, batch.num_rows)
        if is_empty:
            raise no_rows()


def _counted_indexes(schema: pa.Schema) -> tuple[str, ...]:
    """Names of the indexes that pandas describes in the file's notes instead of writing them."""
    try:
        listed = json.loads((schema.metadata or {})[b"pandas"])["index_columns"]
        return tuple(str(one["name"]) for one in listed if isinstance(one, dict) and one["name"])
    except (LookupError, ValueError, TypeError):
        return ()


def _rows_at_once(metadata: parquet.FileMetaData, columns: Sequence[str]) -> int:
    """Rows of these columns that fit into `BATCH_BYTES`."""
    wanted = set(columns)
    row_bytes = 8 * len(wanted)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        parts = [group.column(at) for at in range(group.num_columns)]
        inside = [one for one in parts if one.path_in_schema.partition(".")[0] in wanted]
        size = sum(one.total_uncompressed_size for one in inside)
        row_bytes = max(row_bytes, size // max(group.num_rows, 1))
    return max(BATCH_BYTES // max(row_bytes, 1), 1)


@contextmanager
def _opened(path: Path) -> Iterator[parquet.ParquetFile]:
    """An open file; whatever pyarrow raises while it is read becomes `BadBatch`."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise empty_file("Parquet")
    try:
        with parquet.ParquetFile(
            path,
            buffer_size=_READ_BYTES,
            pre_buffer=False,
            coerce_int96_timestamp_unit="us",
        ) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        if head.startswith(b"PAR1"):
            raise truncated(
                "a complete Parquet file", "a file that is truncated or damaged"
            ) from error
        raise not_of_format("Parquet", head) from error
