"""Draw a seeded sample of a table's scored rows, in memory that the table does not determine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pyarrow import dataset as arrow

from slipway.adapters.delta_tables.column_types import to_pandas
from slipway.stages.monitor.reference.row_sample import BATCH_ROWS, RowSample, hash_rows
from slipway.stages.ports.prediction_log import SampledRows

_IDENTITY = ("key", "event_time", "version")


def scan(
    dataset: arrow.Dataset, condition: arrow.Expression, columns: Mapping[str, arrow.Expression]
) -> arrow.Scanner:
    """Return a scanner of rows that holds one file in memory.

    Args:
        dataset: Files of the table.
        condition: Condition of the rows.
        columns: Columns by name.
    """
    # Arrow reads 16 batches of 4 files ahead otherwise.
    return dataset.scanner(
        columns=dict(columns),
        filter=condition,
        batch_size=BATCH_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
    )


def sample_dataset(
    dataset: arrow.Dataset,
    condition: arrow.Expression,
    columns: Mapping[str, arrow.Expression],
    *,
    rows: int,
    seed: int,
) -> SampledRows:
    """Return a uniform sample of a table's rows, ordered by event time, and counts of all of them.

    Args:
        dataset: Files of the table.
        condition: Condition of the rows.
        columns: Columns by name; with `key`, `event_time` and `version`.
        rows: Largest sample.
        seed: Seed of the sample.
    """
    scanner = scan(dataset, condition, columns)
    drawn = RowSample(rows, seed=seed)
    for batch in scanner.to_batches():
        places = np.arange(batch.num_rows)
        times = batch.column("event_time").to_pandas()
        drawn.add(batch, times, places, identity=hash_rows(batch, _IDENTITY, places))
    chosen = to_pandas(pa.Table.from_batches(drawn.batches(), scanner.projected_schema))
    return drawn.result(chosen.sort_values(["event_time", "key"], ignore_index=True))
