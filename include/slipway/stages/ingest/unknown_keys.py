"""Count delivered labels whose key belongs to no ingested features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.stages.ingest.repeated_keys import key_hashes
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import numpy as np

    from slipway.stages.ports.row_spool import RowSpool


def count_unknown_keys(
    spool: RowSpool, good: np.ndarray, *, key: str, dataset: str, tables: Tables
) -> int:
    """Return how many good labels have a key that is in no row of the features.

    Keys are compared by a hash of 64 bits: among 10 million keys on each side, the chance that an
    unknown one passes for a known one is 5 in a million.

    Args:
        spool: Rows of the labels.
        good: Mask of the good ones.
        key: Column of the key.
        dataset: Name of the dataset.
        tables: Tables of the dataset.
    """
    import numpy as np

    features = f"{dataset}/features"
    if tables.version(features) is None:
        return int(good.sum())
    known = np.unique(key_hashes(tables.read(features, columns=[key])[key]))
    unknown = 0
    for frame in spool.frames([key], keep=good):
        unknown += int((~np.isin(key_hashes(frame[key]), known)).sum())
    return unknown
