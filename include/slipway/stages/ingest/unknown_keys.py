"""Count labels whose key belongs to no ingested features, and look for the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.stages.ingest.key_spelling import LOOKED_AT, spelling_hint
from slipway.stages.ingest.repeated_keys import key_hashes
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

NEARLY_ALL = 0.9
"""Share of unknown keys from which on the spelling of the keys is looked at."""


@dataclass(frozen=True)
class UnknownKeys:
    """Labels that belong to no row of the features.

    Attributes:
        count: Their number.
        labels: Number of all labels that were looked at.
        hint: Difference in spelling between the keys of both streams; None where none was found.
    """

    count: int
    labels: int
    hint: str | None = None

    @property
    def at_delivery(self) -> str:
        """Remark for the verdict on their delivery, true for ever."""
        return self._with_hint(
            f"{self.count} labels belong to no row that was known at their delivery"
        )

    @property
    def by_now(self) -> str:
        """How many belong to a row by now."""
        known = f"{self.labels - self.count:,}" if self.count < self.labels else "none"
        return self._with_hint(f"{known} of {self.labels:,} labels belong to a known row")

    def _with_hint(self, text: str) -> str:
        return text if self.hint is None else f"{text}; hint: {self.hint}"


def find_unknown_keys(
    labels: Iterable[pd.Series], *, key: str, dataset: str, tables: Tables
) -> UnknownKeys:
    """Return how many labels have a key that is in no row of the features.

    Keys are compared by a hash of 64 bits: among 10 million keys on each side, the chance that an
    unknown one passes for a known one is 5 in a million.

    Args:
        labels: Keys of the labels, in parts.
        key: Column of the key.
        dataset: Name of the dataset.
        tables: Tables of the dataset.
    """
    import numpy as np
    import pandas as pd

    features = f"{dataset}/features"
    version = tables.version(features)
    if version is None or key not in tables.columns(features, version=version):
        count = sum(map(len, labels))
        return UnknownKeys(count, count)
    stored = tables.read(features, columns=[key])[key].dropna()
    known = np.unique(key_hashes(stored))
    count, total, examples = 0, 0, []
    for part in labels:
        unknown = part[~np.isin(key_hashes(part), known)]
        if count < LOOKED_AT:
            examples.append(unknown)
        count, total = count + len(unknown), total + len(part)
    hint = None
    if count and count >= NEARLY_ALL * total and len(stored):
        hint = spelling_hint(pd.concat(examples), stored)
    return UnknownKeys(count, total, hint)
