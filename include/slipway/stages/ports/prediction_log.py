"""Prediction log port: predictions that were served, or scored in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SampledRows:
    """Seeded sample of the rows that `read` returns, and exact counts of all of them.

    Attributes:
        rows: The sample, ordered by event time.
        count: Number of all rows.
        keyed: Number of those that have a key.
        repeated: Number of those whose key has another row.
        newest: Newest event time; None without a row.
    """

    rows: pd.DataFrame
    count: int
    keyed: int
    repeated: int
    newest: datetime | None

    @property
    def is_whole(self) -> bool:
        """Whether the sample is all rows."""
        return len(self.rows) == self.count

    def without(self, columns: Collection[str]) -> SampledRows:
        """Return the sample without columns, some of which it may lack."""
        held = [name for name in columns if name in self.rows]
        return replace(self, rows=self.rows.drop(columns=held)) if held else self

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        *,
        at_most: int | None = None,
        seed: int = 0,
        columns: Sequence[str] | None = None,
    ) -> SampledRows:
        """Return a sample of rows that are in memory.

        Args:
            rows: All rows, ordered by event time.
            at_most: Largest sample; None: all rows.
            seed: Seed of the sample.
            columns: Columns that are asked for, where `key` was read beside them; None: all.
        """
        keys = rows["key"].dropna() if "key" in rows else rows.index[:0]
        kept = rows
        if at_most is not None and at_most < len(rows):
            kept = rows.sample(at_most, random_state=seed).sort_index().reset_index(drop=True)
        if columns is not None and "key" not in columns and "key" in rows:
            kept = kept.drop(columns="key")
        return cls(
            kept,
            count=len(rows),
            keyed=len(keys),
            repeated=int(keys.duplicated(keep=False).sum()),
            newest=None if rows.empty else rows["event_time"].max().to_pydatetime(),
        )


class PredictionLog(Protocol):
    """Logged predictions of every model, by event time.

    Every method raises `StoreUnavailable` when the store does not answer.
    """

    def days(self, model: str) -> list[date]:
        """Days of event time, UTC, that hold predictions, oldest first."""

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows with event time in [start, end), ordered by it; each prediction once.

        Args:
            model: Name of the model.
            start: First moment; None: from the beginning.
            end: Moment after the last; None: to the end.
            version: Model version; None: all.
            columns: Columns to read, beside the log's own; None: all.

        Raises:
            NotComputable: A segment cannot be read.
        """

    def stream(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows that `read` returns in batches, in the order in which they are stored.

        Memory holds one file as it is stored. A prediction that was shipped twice comes twice, and
        a column that a file lacks is missing in its batches. The same arguments give the same rows
        in the same order as long as nothing is logged.

        Args:
            model: Name of the model.
            start: First moment; None: from the beginning.
            end: Moment after the last; None: to the end.
            version: Model version; None: all.
            columns: Columns to read, beside the log's own and `key`; None: all.

        Raises:
            NotComputable: A segment cannot be read.
        """

    def sample(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int,
        seed: int,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> SampledRows:
        """Uniform sample of the rows that `read` returns, in memory that they do not determine.

        The same rows and seed give the same sample, whatever the order of files.

        Args:
            model: Name of the model.
            start: First moment; None: from the beginning.
            end: Moment after the last; None: to the end.
            rows: Largest sample.
            seed: Seed of the sample.
            version: Model version; None: all.
            columns: Columns to read, beside the log's own; None: all.

        Raises:
            NotComputable: A segment cannot be read.
        """

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """Number of rows that `read` returns for the same arguments."""
