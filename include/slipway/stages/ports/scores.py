"""Scores port: a batch model's score table, and the feature tables that it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from slipway.records.attempts import Attempt

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DataFile:
    """One immutable data file of a table.

    Attributes:
        path: Path within the table.
        batch: Batch whose rows it holds.
        first: Smallest event time in it.
        last: Largest event time in it.
    """

    path: str
    batch: str
    first: datetime
    last: datetime


@dataclass(frozen=True)
class ScoredPartition:
    """Inputs of a partition of the score table.

    Attributes:
        features: Fingerprint of the features.
        version: Model version.
    """

    features: str
    version: int


class FeatureTables(Protocol):
    """Feature tables, by data file and in chunks."""

    def version(self, table: str) -> int | None:
        """Newest version, or None when there is no such table."""

    def columns(self, table: str, *, version: int) -> tuple[str, ...]:
        """Names of the columns of a version."""

    def files(self, table: str, column: str, *, version: int) -> list[DataFile]:
        """Data files of one version, with the span of a timestamp column."""

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Rows of one version that meet every condition, in chunks."""


class Scores(Protocol):
    """Score tables, one per model."""

    def held(self, model: str) -> Mapping[str, ScoredPartition]:
        """Inputs of each partition that has rows, by partition."""

    def replace(
        self,
        model: str,
        partition: str,
        frames: Iterable[pd.DataFrame],
        *,
        features: str,
        features_version: int,
        attempt: Attempt,
    ) -> int:
        """Replace a partition's rows in one commit; return their number.

        Raises:
            Superseded: A newer attempt has begun, or newer features have been scored.
            CommitConflict: Another commit to the partition came first.
        """
