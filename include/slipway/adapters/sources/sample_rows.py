"""Read a whole file once, and keep a sample of its rows that is spread over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from slipway.adapters.sources.byte_stream import open_bytes
from slipway.stages.ports.delivery_source import OpenDelivery
from slipway.values.kernels import plain_array

HEAD_BYTES = 256 * 1024
_AT_ONCE = 32_768


@dataclass
class SampledRows:
    """A sample of a file's rows.

    Attributes:
        limit: Most rows that are kept.
        columns: Cells by column.
        rows: Rows of the whole file.
        broken: Lines that are no rows.
    """

    limit: int
    columns: dict[str, pa.Array] = field(default_factory=dict)
    rows: int = 0
    broken: int = 0


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises:
        BadBatch: It is no complete gzip file, as its name says.
    """
    with open_bytes(path) as stream:
        return stream.read(HEAD_BYTES)


def sample_rows(
    delivery: OpenDelivery,
    names: Sequence[str],
    *,
    limit: int,
    progress: Callable[[str], None] = lambda _: None,
) -> SampledRows:
    """Return every n-th row of a file, for the least n under which a limit is kept.

    Args:
        delivery: File, its header read.
        names: Columns to keep.
        limit: Most rows to keep.
        progress: Shows how far it is.

    Raises:
        BadBatch: The file cannot be read to its end.
    """
    found = SampledRows(limit)
    kept: dict[str, list[pa.Array]] = {name: [] for name in names}
    step = held = 1
    held = 0
    for rows in delivery.rows(list(names), at_most=_AT_ONCE):
        found.broken += len(rows.broken)
        chosen = pa.array(np.arange(-found.rows % step, rows.count, step))
        for name in names:
            kept[name].append(_array(rows.columns[name]).take(chosen))
        held += len(chosen)
        found.rows += rows.count
        progress(f"reading the file: {found.rows:,} rows")
        while held > limit:
            kept = {name: [_joined(parts).take(_even(held))] for name, parts in kept.items()}
            held, step = -(-held // 2), step * 2
    found.columns = {name: _joined(parts) for name, parts in kept.items()}
    return found


def _even(count: int) -> pa.Array:
    return pa.array(np.arange(0, count, 2))


def _array(cells: pa.Array | Sequence[object]) -> pa.Array:
    """Cells of one type; those of several types as texts."""
    if isinstance(cells, pa.Array):
        return plain_array(cells)
    return pa.array([None if one is None else _text(one) for one in cells], pa.string())


def _text(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _joined(parts: list[pa.Array]) -> pa.Array:
    if not parts:
        return pa.array([], pa.string())
    kinds = {str(part.type) for part in parts if part.null_count < len(part)}
    if len(kinds) > 1:
        parts = [part.cast(pa.string()) for part in parts]
    elif kinds:
        kind = next(part.type for part in parts if str(part.type) in kinds)
        parts = [part if part.type == kind else pa.nulls(len(part), kind) for part in parts]
    return pa.concat_arrays(parts)
