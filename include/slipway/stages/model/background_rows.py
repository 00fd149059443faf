"""Background rows of a version: training rows whose values stand for a missing one.

Personal columns are in no background: an explanation holds them as the request has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slipway.records.store import encode, parse_json

FILE = "slipway/background.json"

MOST_ROWS = 32


@dataclass(frozen=True)
class BackgroundRows:
    """A few rows of a training.

    Attributes:
        names: Columns that are explained.
        values: Values of each column, None for missing.
        seed: Seed of the permutations.
    """

    names: Sequence[str]
    values: Sequence[Sequence[Any]]
    seed: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values[0]) if self.values else 0

    @classmethod
    def parse(cls, data: bytes) -> BackgroundRows:
        """Read the rows from a version's folder, whose digest was compared."""
        return cls(**parse_json(data))

    def to_bytes(self) -> bytes:
        """Return the file of a version's folder."""
        return encode(asdict(self))
