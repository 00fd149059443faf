"""Draw a seeded sample of streamed rows, and count all of them, in bounded memory.

The sample is the rows whose hashed identities are smallest, so it is uniform, does not depend on
the order of rows, and has a row once that comes twice. Of all rows two hashes of 8 bytes are kept;
with 10 million rows the chance is below 1 in 100,000 that any two hashes are equal.

Source:
    Cohen and Kaplan 2007, Summarizing Data Using Bottom-k Sketches; Steele, Lea and Flood 2014
    (the finaliser of SplitMix64).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.stages.ports.prediction_log import SampledRows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
    Places = np.ndarray[Any, np.dtype[np.int64]]

BATCH_ROWS = 2**16
"""Rows that are decoded at a time."""


class RowSample:
    """A sample of rows that come in batches.

    Args:
        rows: Largest sample.
        seed: Its seed.
    """

    def __init__(self, rows: int, *, seed: int) -> None:
        self._rows = rows
        self._seed = seed
        self._bound = 2**64 - 1
        self._kept: list[tuple[Hashes, pa.RecordBatch]] = []
        self._identities: list[Hashes] = []
        self._keys: list[Hashes] = []
        self._newest: pd.Timestamp | None = None

    def add(
        self, batch: pa.RecordBatch, times: pd.Series[Any], places: Places, *, identity: Hashes
    ) -> None:
        """Count rows of a batch, and keep those that the sample may need.

        Args:
            batch: Rows, with all columns of the sample.
            times: Event times of the rows to add.
            places: Places of these in the batch.
            identity: Hashes of what identifies each of them.
        """
        import numpy as np

        if not len(places):
            return
        newest = times.max()
        self._newest = newest if self._newest is None else max(self._newest, newest)
        self._identities.append(identity)
        self._keys.append(_key_hashes(batch, places))
        salt = mix_hashes(np.array([self._seed % 2**64], dtype=np.uint64))
        ranks = mix_hashes(identity ^ salt)
        smallest, first = np.unique(ranks, return_index=True)
        chosen = first[smallest <= np.uint64(self._bound)][: self._rows]
        known = [one for one, _ in self._kept]
        if known:
            chosen = chosen[~np.isin(ranks[chosen], np.concatenate(known))]
        if len(chosen):
            self._kept.append((ranks[chosen], batch.take(places[chosen])))
            self._drop(2 * self._rows)

    def batches(self) -> list[pa.RecordBatch]:
        """Return the rows of the sample, in no order."""
        self._drop(self._rows)
        return [batch for _, batch in self._kept]

    @property
    def count(self) -> int:
        """Number of different rows that were added."""
        import numpy as np

        return len(np.unique(_joined(self._identities)))

    def result(self, rows: pd.DataFrame) -> SampledRows:
        """Return the sample with the counts of all rows.

        Args:
            rows: What `batches` returned, as a frame.
        """
        import numpy as np

        _, first = np.unique(_joined(self._identities), return_index=True)
        keys = _joined(self._keys)[first]
        keys = keys[keys != 0]
        _, times = np.unique(keys, return_counts=True)
        newest: datetime | None = None if self._newest is None else self._newest.to_pydatetime()
        return SampledRows(
            rows,
            count=len(first),
            keyed=len(keys),
            repeated=int(times[times > 1].sum()),
            newest=newest,
        )

    def _drop(self, more_than: int) -> None:
        """Drop rows that cannot be in the sample, once more than so many are kept."""
        import numpy as np

        ranks = _joined([one for one, _ in self._kept])
        if len(ranks) <= more_than:
            return
        bound = np.partition(ranks, self._rows - 1)[self._rows - 1]
        inside = [(one <= bound, one, batch) for one, batch in self._kept]
        self._kept = [
            (ranks[mask], batch.take(np.flatnonzero(mask)))
            for mask, ranks, batch in inside
            if mask.any()
        ]
        self._bound = int(bound)


def hash_rows(batch: pa.RecordBatch, names: Sequence[str], places: Places) -> Hashes:
    """Return a hash of some columns for each of a batch's rows; a missing column is all null.

    Args:
        batch: Rows.
        names: Columns.
        places: Places of the rows.
    """
    import numpy as np

    hashes: Hashes = np.zeros(len(places), dtype=np.uint64)
    for name in names:
        if name in batch.schema.names:
            hashes = hashes ^ _hashed(batch.column(name), places)
        hashes = mix_hashes(hashes)
    return hashes


def mix_hashes(hashes: Hashes) -> Hashes:
    """Return 64 bits of each hash in which every bit of it moves all bits; none become equal."""
    import numpy as np

    mixed = hashes + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: Hashes = mixed ^ (mixed >> np.uint64(31))
    return result


def hash_values(values: pd.Series[Any]) -> Hashes:
    """Return a hash of each value, of shape (n_rows,)."""
    import pandas as pd

    plain = values.to_numpy(dtype=object) if values.dtype.kind == "O" else values.to_numpy()
    hashes: Hashes = pd.util.hash_array(plain, categorize=False)
    return hashes


def _key_hashes(batch: pa.RecordBatch, places: Places) -> Hashes:
    """Hash of each row's key; 0 where it has none."""
    import numpy as np

    if "key" not in batch.schema.names:
        return np.zeros(len(places), dtype=np.uint64)
    keys = batch.column("key")
    given = keys.is_valid().to_numpy(zero_copy_only=False)[places]
    hashes: Hashes = np.where(given, np.maximum(_hashed(keys, places), 1), 0).astype(np.uint64)
    return hashes


def _hashed(column: pa.Array, places: Places) -> Hashes:
    import pandas as pd

    values = column.take(places).to_numpy(zero_copy_only=False)
    hashes: Hashes = pd.util.hash_array(values, categorize=False)
    return hashes


def _joined(hashes: list[Hashes]) -> Hashes:
    import numpy as np

    return np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64)
