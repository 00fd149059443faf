"""Find the labels of a window's keys in a table of labels that may be much larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.stages.model.key_text import key_texts
from slipway.stages.model.label_rows import has_target, labels_table, rows_that_tell
from slipway.stages.model.newest_delivery import newest_by_key, order_columns
from slipway.stages.monitor.reference.row_sample import hash_values

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.monitor.labels.window_keys import Hashes
    from slipway.stages.ports.tables import Tables

CHUNK_ROWS = 2**17
"""Rows of labels that are read at a time."""

MOST_KEPT = 1_000_000
"""Rows of a table of labels that stay in memory for the next window."""

_PLACE = "_place"


@dataclass(frozen=True)
class WindowLabels:
    """Labels of a window's keys.

    Attributes:
        keys: Hashes of the keys that have a label, sorted.
        labels: Their labels as delivered, in the same order.
    """

    keys: Hashes
    labels: pd.Series[Any]

    def of(self, hashes: Hashes) -> pd.Series[Any]:
        """Return the labels of some of the keys, of shape (n_keys,).

        Args:
            hashes: Their hashes, in any order.
        """
        import numpy as np

        return self.labels.iloc[np.searchsorted(self.keys, hashes)].reset_index(drop=True)

    def changed(self, before: WindowLabels) -> int:
        """Return how many labels have come, gone or got another value since.

        Args:
            before: Labels of the same keys, earlier.
        """
        import numpy as np

        both, now, then = np.intersect1d(
            self.keys, before.keys, assume_unique=True, return_indices=True
        )
        same = self.labels.to_numpy()[now] == before.labels.to_numpy()[then]
        return len(self.keys) + len(before.keys) - len(both) - int(np.count_nonzero(same))


@dataclass
class LabelStream:
    """Labels of a dataset at a version, read in chunks for each window.

    Attributes:
        tables: Tables.
        dataset: Dataset of the labels.
        target: Column of the label.
        version: Version of their table; None: there is none.
    """

    tables: Tables
    dataset: DatasetSpec
    target: str
    version: int | None
    _kept: list[pd.DataFrame] | None = field(default=None, repr=False)

    def find(self, hashes: Hashes) -> WindowLabels:
        """Return the labels of keys; of a key labelled twice the label delivered last.

        Args:
            hashes: Sorted hashes of the keys.
        """
        import numpy as np
        import pandas as pd

        none = WindowLabels(hashes[:0], pd.Series([], dtype="float64"))
        order = self._order()
        if order is None or not len(hashes):
            return none
        key, parts, count = self.dataset.identity.key.column, [], 0
        for chunk in self._chunks(order):
            rows = rows_that_tell(chunk.dropna(subset=[key]), self.dataset, self.target)
            own = hash_values(key_texts(rows[key]))
            places = np.minimum(np.searchsorted(hashes, own), len(hashes) - 1)
            hit = hashes[places] == own
            found = rows.loc[hit, [self.target, *order]]
            parts.append(found.assign(**{_PLACE: places[hit].astype(np.uint32)}))
            count += int(hit.sum())
            if count > 2 * len(hashes) + CHUNK_ROWS:
                parts = [_newest(parts)]
                count = len(parts[0])
        if not parts:
            return none
        # A correction may take a label back: the newest one counts, whether or not it has a value.
        newest = _newest(parts).dropna(subset=[self.target]).sort_values(_PLACE)
        return WindowLabels(
            hashes[newest[_PLACE].to_numpy()], newest[self.target].reset_index(drop=True)
        )

    def texts(self, found: WindowLabels) -> Iterator[pd.DataFrame]:
        """Yield keys as texts, in a first column, and their labels; each key once.

        Args:
            found: From `find`.
        """
        import numpy as np
        import pandas as pd

        order, key = self._order(), self.dataset.identity.key.column
        if order is None or not len(found.keys):
            return
        is_told = np.zeros(len(found.keys), dtype=bool)
        for chunk in self._chunks(order):
            texts = key_texts(chunk[key].dropna())
            own = hash_values(texts)
            places = np.minimum(np.searchsorted(found.keys, own), len(is_told) - 1)
            rows = np.flatnonzero((found.keys[places] == own) & ~is_told[places])
            rows = rows[np.unique(places[rows], return_index=True)[1]]
            is_told[places[rows]] = True
            labels = found.of(found.keys[places[rows]])
            yield pd.DataFrame({0: texts.iloc[rows].array, 1: labels})

    def _order(self) -> list[str] | None:
        """Columns that tell the order of deliveries; None where the table has no such labels."""
        table, key = labels_table(self.dataset), self.dataset.identity.key.column
        if self.version is None or not has_target(
            self.tables, self.dataset, self.target, version=self.version
        ):
            return None
        if key not in self.tables.columns(table, version=self.version):
            # They were delivered under another key, by which no logged prediction is known.
            return None
        return order_columns(self.tables, table, version=self.version)

    def _chunks(self, order: Sequence[str]) -> Iterator[pd.DataFrame]:
        if self._kept is not None:
            yield from self._kept
            return
        table, version = labels_table(self.dataset), self.version
        if version is None:
            return
        columns = list(dict.fromkeys([self.dataset.identity.key.column, self.target, *order]))
        chunks = self.tables.stream(table, version=version, columns=columns, chunk_rows=CHUNK_ROWS)
        if self.tables.count(table, version=version) <= MOST_KEPT:
            self._kept = list(chunks)
            yield from self._kept
        else:
            yield from chunks


def _newest(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The row of each place that was delivered last."""
    import numpy as np
    import pandas as pd

    rows = pd.concat(parts, ignore_index=True)
    times: np.ndarray[Any, Any] = np.bincount(rows[_PLACE].to_numpy())
    repeated = times[rows[_PLACE].to_numpy()] > 1 if len(rows) else np.zeros(0, dtype=bool)
    if not repeated.any():
        return rows
    return pd.concat([rows[~repeated], newest_by_key(rows[repeated], _PLACE)], ignore_index=True)
