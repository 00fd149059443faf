"""Count delivered labels whose key belongs to no ingested features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd


def count_unknown_keys(keys: pd.Series, *, dataset: str, tables: Tables) -> int:
    """Return how many keys of a labels batch are in no row of the features.

    Args:
        keys: Keys of the labels; their name is the key's column.
        dataset: Name of the dataset.
        tables: Tables of the dataset.
    """
    features = f"{dataset}/features"
    if tables.version(features) is None:
        return len(keys)
    known = tables.read(features, columns=[str(keys.name)])
    return int((~keys.isin(known[keys.name])).sum())
