"""Open a Delta table as an Arrow dataset that reads thousands of columns in time.

deltalake promises the statistics of every column for each file, and Arrow simplifies what it reads
by all of them for each column: 72 s for 400 rows of 2,315 columns, in place of 0.1 s.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyarrow import dataset as arrow


def open_dataset(
    opened: DeltaTable, condition: arrow.Expression | None = None
) -> arrow.FileSystemDataset:
    """Return a table's files that may hold the rows, each with its partition alone.

    Args:
        opened: Table.
        condition: Files that have no such row by their statistics are left out; rows of the others
            still have to be filtered.
    """
    whole = opened.to_pyarrow_dataset()
    partitions = opened.metadata().partition_columns
    kept = whole.get_fragments(filter=condition)
    fragments = [
        whole.format.make_fragment(
            one.path,
            filesystem=one.filesystem,
            partition_expression=_partition(one, partitions),
        )
        for one in kept
    ]
    return arrow.FileSystemDataset(fragments, whole.schema, whole.format, whole.filesystem)


def as_filter(where: Sequence[tuple[str, str, Any]]) -> arrow.Expression | None:
    """Return conditions that all hold as Arrow has them; None without one."""
    return pq.filters_to_expression(list(where)) if where else None


def _partition(file: arrow.Fragment, names: Sequence[str]) -> arrow.Expression:
    known = arrow.get_partition_keys(file.partition_expression)
    told = [
        arrow.field(name).is_null() if known[name] is None else arrow.field(name) == known[name]
        for name in names
        if name in known
    ]
    return reduce(operator.and_, told) if told else arrow.scalar(value=True)
