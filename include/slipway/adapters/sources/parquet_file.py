"""Read a Parquet file, or a folder of its parts, in bounded memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from slipway.adapters.sources.columns import positions_of
from slipway.adapters.sources.limits import refuse_many_columns, refuse_unpacked
from slipway.adapters.sources.parquet_bounds import longest_cell, rows_at_once
from slipway.adapters.sources.unreadable import (
    HEAD_BYTES,
    empty_file,
    no_rows,
    not_of_format,
    truncated,
)
from slipway.settings import DeliveryLimits
from slipway.stages.ingest.over_limit import MIB, over_limit
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, DeliveredRows

_READ_BYTES = 2**20
_MOST_ROW_GROUPS = 100_000
_FOOTER_BYTES = 64 * MIB


@dataclass(frozen=True)
class ParquetFile:
    """Fulfils `OpenDelivery` for Parquet.

    Attributes:
        parts: Files, in order; each has every column that is read.
        names: Names of all columns of the first part.
        limits: Limits of a delivery.
        doubts: None: Parquet tells the types.
        has_header_line: False.
        indexes: Names of pandas' indexes that are counted, so that the file has no column of them.
    """

    parts: tuple[Path, ...]
    names: tuple[str, ...]
    limits: DeliveryLimits
    doubts: tuple[str, ...] = ()
    has_header_line: bool = False
    indexes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path, limits: DeliveryLimits) -> ParquetFile:
        """Read the schema of a file, or of the first part in a folder.

        Raises:
            BadBatch: It cannot be read.
            OverLimit: A part is too large once it is decompressed, or has too many rows.
        """
        parts = tuple(sorted(path.iterdir())) if path.is_dir() else (path,)
        if not parts:
            raise empty_file("at least one part")
        with _opened(parts[0]) as file:
            schema = file.schema_arrow
            return cls(parts, tuple(schema.names), limits, indexes=_counted_indexes(schema))

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on, in the types that the file has.

        Raises:
            BadBatch: A part lacks a column, its bytes are damaged, or there is no row.
            OverLimit: A page, a cell or all of them are too large.
        """
        is_empty = True
        unpacked = 0
        for part in self.parts:
            with _opened(part) as file:
                refuse_many_columns(file.metadata.num_columns, self.limits)
                positions_of(file.schema_arrow.names, columns)
                count = min(at_most, rows_at_once(file, part, columns, limits=self.limits))
                for packed in file.iter_batches(count, columns=list(columns)):
                    if not packed.num_rows:
                        continue
                    is_empty = False
                    batch = _without_dictionaries(packed)
                    unpacked += batch.nbytes
                    refuse_unpacked(unpacked, self.limits)
                    self._refuse_long_cell(batch)
                    # A name with a dot is also the path of a nested column.
                    at = positions_of(batch.schema.names, columns)
                    cells = {
                        name: batch.column(here) for name, here in zip(columns, at, strict=True)
                    }
                    yield DeliveredRows(cells, batch.num_rows)
        if is_empty:
            raise no_rows()

    def _refuse_long_cell(self, batch: pa.RecordBatch) -> None:
        if (longest := longest_cell(batch)) > self.limits.max_row_mib * MIB:
            found = f"{longest // MIB:,} MiB"
            raise over_limit(self.limits, "max_row_mib", what="MiB in a cell", found=found)


def _counted_indexes(schema: pa.Schema) -> tuple[str, ...]:
    """Names of the indexes that pandas describes in the file's notes instead of writing them."""
    try:
        listed = json.loads((schema.metadata or {})[b"pandas"])["index_columns"]
        return tuple(str(one["name"]) for one in listed if isinstance(one, dict) and one["name"])
    except (LookupError, ValueError, TypeError):
        return ()


@contextmanager
def _opened(path: Path) -> Iterator[parquet.ParquetFile]:
    """An open file; whatever pyarrow raises while it is read becomes `BadBatch`."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        footer = _footer_bytes(stream)
    if not head:
        raise empty_file("Parquet")
    if footer > _FOOTER_BYTES:
        raise truncated(
            f"Parquet with a footer of at most {_FOOTER_BYTES // MIB} MiB", "a larger one"
        )
    try:
        with parquet.ParquetFile(
            path,
            buffer_size=_READ_BYTES,
            pre_buffer=False,
            coerce_int96_timestamp_unit="us",
            thrift_container_size_limit=_MOST_ROW_GROUPS,
        ) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        if head.startswith(b"PAR1"):
            raise truncated(
                "a complete Parquet file", "a file that is truncated or damaged"
            ) from error
        raise not_of_format("Parquet", head) from error


def _without_dictionaries(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, so that their size in memory is known."""
    columns = [
        one.dictionary_decode() if pa.types.is_dictionary(one.type) else one
        for one in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _footer_bytes(stream: BinaryIO) -> int:
    """Length of the footer, as the last bytes of the file tell it; 0 for what is no Parquet."""
    stream.seek(-min(stream.seek(0, os.SEEK_END), 8), os.SEEK_END)
    length, mark = stream.read(4), stream.read(4)
    return int.from_bytes(length, "little") if mark == b"PAR1" else 0
