"""Stream a window's predictions and features, each row once, keeping hashes of their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.model.key_text import key_texts
from slipway.stages.model.newest_delivery import newest_by_key, order_columns
from slipway.stages.monitor.labels.window_keys import (
    EVENT_TIME,
    KEY,
    distinct_hashes,
    identity_hashes,
)
from slipway.stages.monitor.reference.row_sample import hash_values

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec.identity import RowIdentity
    from slipway.stages.monitor.labels.window_keys import Hashes
    from slipway.stages.monitor.windows.windows import Window
    from slipway.stages.ports.tables import Tables
    from slipway.values.value_types import ColumnType

CHUNK_ROWS = 2**16
"""Rows of features that are read at a time."""

_PLACE = "_place"


@dataclass(frozen=True)
class PredictionHashes:
    """What identifies the predictions of a window.

    Attributes:
        keys: Hash of each key, sorted.
        identities: Hash of each row, sorted, where some were logged twice; else empty.
    """

    keys: Hashes
    identities: Hashes

    @classmethod
    def of(cls, frames: Iterable[pd.DataFrame]) -> PredictionHashes:
        """Return the hashes of logged rows, whose keys are canonical texts."""
        keys: list[Hashes] = []
        identities: list[Hashes] = []
        count = 0
        for rows in frames:
            keys.append(hash_values(rows[KEY].dropna()))
            identities.append(identity_hashes(rows, first=count))
            count += len(rows)
        every = distinct_hashes(identities)
        return cls(distinct_hashes(keys), every[:0] if len(every) == count else every)

    def once_each(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Yield rows without those that were logged before.

        Args:
            frames: The same rows again, perhaps with others that were logged since.
        """
        import numpy as np

        if not len(self.identities):
            yield from frames
            return
        seen = np.zeros(len(self.identities), dtype=bool)
        count = 0
        for rows in frames:
            own = identity_hashes(rows, first=count)
            count += len(rows)
            places = np.minimum(np.searchsorted(self.identities, own), len(seen) - 1)
            is_known = self.identities[places] == own
            is_first = np.zeros(len(rows), dtype=bool)
            is_first[np.unique(own, return_index=True)[1]] = True
            yield rows[is_first & ~(is_known & seen[places])]
            seen[places[is_known]] = True


@dataclass(frozen=True)
class WindowFeatures:
    """Features of a window, read as often as they are needed.

    Attributes:
        tables: Tables.
        table: Table of the features.
        version: Its version; None: there is none.
        identity: Key and event time.
        window: Window of event time.
    """

    tables: Tables
    table: str
    version: int | None
    identity: RowIdentity
    window: Window

    def reduced(self) -> FeatureRows:
        """Return the rows by what is kept of each key."""
        hashes: list[Hashes] = []
        orders: list[pd.DataFrame] = []
        if self.version is not None:
            order = order_columns(self.tables, self.table, version=self.version)
            key = self.identity.key.column
            for rows in self.stream([key, *order]):
                hashes.append(hash_values(key_texts(rows[key])))
                orders.append(rows[order])
        return FeatureRows(self, distinct_hashes(hashes), _kept(hashes, orders))

    def stream(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Yield the rows that have a key, in the same order each time."""
        if self.version is None:
            return
        time = self.identity.time.column
        for rows in self.tables.stream(
            self.table,
            version=self.version,
            columns=columns,
            where=[(time, ">=", self.window.start), (time, "<", self.window.end)],
            chunk_rows=CHUNK_ROWS,
        ):
            yield rows.dropna(subset=[self.identity.key.column])


@dataclass(frozen=True)
class FeatureRows:
    """Features of a window; of a key delivered twice the row delivered last.

    Attributes:
        features: All of its rows.
        keys: Hash of each key, sorted.
        kept: Whether each row that has a key is kept, in the order of the stream.
    """

    features: WindowFeatures
    keys: Hashes
    kept: np.ndarray[Any, np.dtype[np.bool_]]

    def rows(self, columns: Mapping[str, ColumnType]) -> Iterator[pd.DataFrame]:
        """Yield frames of the rows.

        Args:
            columns: Columns of the view.
        """
        identity, first = self.features.identity, 0
        key, time = identity.key.column, identity.time.column
        own = [name for name in columns if name not in {KEY, EVENT_TIME}]
        for rows in self.features.stream(list(dict.fromkeys([*own, key, time]))):
            kept = rows[self.kept[first : first + len(rows)]]
            first += len(rows)
            told = kept.assign(**{KEY: key_texts(kept[key]), EVENT_TIME: kept[time]})
            yield told[list(columns)]


def _kept(
    hashes: Sequence[Hashes], orders: Sequence[pd.DataFrame]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each row is the one of its key that was delivered last."""
    import numpy as np
    import pandas as pd

    if not hashes:
        return np.zeros(0, dtype=bool)
    whole = np.concatenate(hashes)
    kept = np.ones(len(whole), dtype=bool)
    found, counts = np.unique(whole, return_counts=True)
    repeated = np.isin(whole, found[counts > 1])
    if repeated.any():
        rows = pd.concat(orders, ignore_index=True)[repeated]
        named = rows.assign(**{KEY: whole[repeated], _PLACE: np.flatnonzero(repeated)})
        kept[repeated] = False
        kept[newest_by_key(named, KEY)[_PLACE].to_numpy()] = True
    return kept
