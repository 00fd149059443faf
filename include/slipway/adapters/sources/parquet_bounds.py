"""Bound the memory that reading a Parquet file takes, before a page of it is decompressed.

Kilobytes can stand for gigabytes: a compressed page of zeros, one long text in a dictionary that a
million rows point to, a list of a billion missing elements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from slipway.adapters.sources.limits import refuse_unpacked
from slipway.adapters.sources.parquet_pages import Page, read_pages
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.stages.ingest.over_limit import MIB, over_limit
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE

BATCH_BYTES = 64 * MIB
"""Size in memory of rows that are read at once."""

_COLUMN_BYTES = 4 * MIB
"""Pages of one column, as writers commonly make them: 1 MiB of values and 1 MiB of dictionary."""

_MOST_PAGES = 1_000_000
_STRETCH_BYTES = 8 * MIB
_CELL_BYTES, _ELEMENT_BYTES = 8, 16


@dataclass(frozen=True)
class _Leaf:
    """What the pages of one leaf column in one row group take in memory.

    Attributes:
        name: Name of the column at the top that it belongs to.
        size: Bytes of all pages, decompressed.
        values: Number of values.
        largest: Bytes of the largest page of values.
        dictionary: Dictionary of values of any length; None: there is none.
        is_dictionary_first: Whether the first values are positions in the dictionary.
        row_bytes: Most bytes of a value, on average over a stretch of pages.
        is_repeated: Whether a row can have several values.
    """

    name: str
    size: int
    values: int
    largest: int
    dictionary: Page | None
    is_dictionary_first: bool
    row_bytes: int
    is_repeated: bool

    @classmethod
    def of(cls, name: str, column: parquet.ColumnSchema, pages: Iterable[Page]) -> _Leaf:
        """Sum up pages.

        Raises:
            BadBatch: There are too many.
        """
        size = values = largest = stretch = rows = 0
        row_bytes = max(column.length, _CELL_BYTES)
        dictionary: Page | None = None
        is_first = False
        for number, page in enumerate(pages):
            if number >= _MOST_PAGES:
                raise _many_pages(name)
            size += page.size
            if page.is_dictionary:
                dictionary = page if column.physical_type == "BYTE_ARRAY" else None
                continue
            is_first = is_first or (number == 1 and page.by_dictionary)
            values, largest = values + page.values, max(largest, page.size)
            stretch, rows = stretch + page.size, rows + page.values
            # A value that repeats the one before it takes no room in its page.
            row_bytes = max(row_bytes, page.size if page.by_prefix else 0)
            if stretch >= _STRETCH_BYTES:
                row_bytes = max(row_bytes, stretch // max(rows, 1))
                stretch = rows = 0
        is_repeated = column.max_repetition_level > 0
        return cls(name, size, values, largest, dictionary, is_first, row_bytes, is_repeated)

    @property
    def open_bytes(self) -> int:
        """Memory of the largest page, of the dictionary, and of the elements of all lists."""
        dictionary = 0 if self.dictionary is None else self.dictionary.size
        longest = max(self.row_bytes, dictionary, _ELEMENT_BYTES)
        return self.largest + dictionary + (self.values * longest if self.is_repeated else 0)

    def most_bytes(self, longest: Mapping[str, int]) -> int:
        """Return most bytes of a row's value.

        Args:
            longest: Longest value of a dictionary, by column; the size of others is taken.
        """
        if self.dictionary is None:
            return self.row_bytes
        return max(self.row_bytes, longest.get(self.name, self.dictionary.size))


def rows_at_once(
    file: parquet.ParquetFile, path: Path, columns: Sequence[str], *, limits: DeliveryLimits
) -> int:
    """Return how many rows of some columns fit into `BATCH_BYTES`, by the headers of all pages.

    Args:
        file: Opened file.
        path: The same file.
        columns: Names of columns.
        limits: Limits of a delivery.

    Raises:
        BadBatch: A page's header is damaged, or there are too many pages.
        OverLimit: The pages are too large in sum, or to be read at the same time.
    """
    row_bytes, unpacked = _CELL_BYTES * len(columns), 0
    with path.open("rb") as stream:
        for group in range(file.metadata.num_row_groups):
            leaves = list(_leaves(file, stream, set(columns), group))
            unpacked += sum(one.size for one in leaves)
            refuse_unpacked(unpacked, limits)
            _refuse_large_pages(leaves, len(columns), limits)
            row_bytes = max(row_bytes, _row_bytes(file, path, group, leaves))
    return max(BATCH_BYTES // row_bytes, 1)


def longest_cell(batch: pa.RecordBatch) -> int:
    """Return the bytes of the longest text or sequence of bytes in some rows."""
    texts = (one for one in batch.columns if _has_length(one.type))
    return max((pc.max(pc.binary_length(one)).as_py() or 0 for one in texts), default=0)


def _has_length(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(one(kind) for one in (*tests, pa.types.is_large_binary))


def _leaves(
    file: parquet.ParquetFile, stream: BinaryIO, wanted: Collection[str], group: int
) -> Iterator[_Leaf]:
    metadata = file.metadata.row_group(group)
    for at in range(metadata.num_columns):
        part = metadata.column(at)
        name = next((one for one in _begins(part.path_in_schema) if one in wanted), None)
        if name is None:
            continue
        start = part.data_page_offset
        if part.has_dictionary_page and 0 < part.dictionary_page_offset < start:
            start = part.dictionary_page_offset
        pages = read_pages(
            stream, start=start, length=part.total_compressed_size, values=part.num_values
        )
        yield _Leaf.of(name, file.schema.column(at), pages)


def _begins(path: str) -> Iterator[str]:
    """A column's path and all its begins: a name may have dots as the path of a nested one has."""
    parts = path.split(".")
    return (".".join(parts[:count]) for count in range(len(parts), 0, -1))


def _refuse_large_pages(leaves: Sequence[_Leaf], columns: int, limits: DeliveryLimits) -> None:
    size = sum(one.open_bytes for one in leaves)
    if size > limits.max_pages_mib * MIB + columns * _COLUMN_BYTES:
        what = f"MiB, and 4 for each of {columns} columns, of pages that are read at the same time"
        found = f"{size // MIB:,} MiB"
        raise over_limit(limits, "max_pages_mib", what=what, found=found)


def _row_bytes(file: parquet.ParquetFile, path: Path, group: int, leaves: Sequence[_Leaf]) -> int:
    """Most bytes of a row; dictionaries are read where their sizes would make small batches."""
    bound = sum(one.most_bytes({}) for one in leaves)
    if bound * ROWS_AT_ONCE <= BATCH_BYTES:
        return bound
    longest = _longest_values(file, path, group, leaves)
    return sum(one.most_bytes(longest) for one in leaves)


def _longest_values(
    file: parquet.ParquetFile, path: Path, group: int, leaves: Sequence[_Leaf]
) -> dict[str, int]:
    """Longest value of each dictionary that can be read beside the first row."""
    sizes = {
        one.name: one.dictionary.values
        for one in leaves
        if one.dictionary is not None and one.is_dictionary_first and not one.is_repeated
    }
    if not sizes:
        return {}
    with parquet.ParquetFile(
        path, metadata=file.metadata, read_dictionary=list(sizes), pre_buffer=False
    ) as again:
        batch = next(again.iter_batches(1, row_groups=[group], columns=list(sizes)), None)
    if batch is None:
        return {}
    found = {}
    for name, values in sizes.items():
        at = batch.schema.get_field_index(name)
        if at >= 0 and pa.types.is_dictionary(batch.column(at).type):
            dictionary = batch.column(at).dictionary
            if len(dictionary) == values:
                found[name] = pc.max(pc.binary_length(dictionary)).as_py() or 0
    return found


def _many_pages(name: str) -> BadBatch:
    return BadBatch(
        f"the file has too many pages in a row group of column {name}",
        expected=f"at most {_MOST_PAGES:,}",
        hint="write it with larger pages, or with smaller row groups",
    )
