"""Tables port: a dataset's versioned tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from slipway.records.attempts import Attempt

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PinnedTable:
    """One version of a table.

    Attributes:
        name: `<dataset>/<stream>`.
        uri: Address that other tools can open.
        version: Its number.
    """

    name: str
    uri: str
    version: int


class Tables(Protocol):
    """Versioned tables, named `<dataset>/<stream>`.

    Every method raises `StoreUnavailable` when the store does not answer.
    """

    def version(self, table: str) -> int | None:
        """Newest version, or None when there is no such table."""

    def columns(self, table: str, *, version: int) -> tuple[str, ...]:
        """Names of the columns of a version.

        Raises:
            NotFound: There is no such table or version.
        """

    def notes(self, table: str, *, version: int) -> list[Mapping[str, str]]:
        """Notes of the commits up to a version, oldest first; see `publish`.

        Raises:
            NotFound: There is no such table or version.
        """

    def count(self, table: str, *, version: int | None = None, present: str | None = None) -> int:
        """Number of rows, from file statistics; 0 when there is no such table.

        Args:
            table: `<dataset>/<stream>`.
            version: An older version; None: the newest.
            present: Column that counted rows have a value of; None: every row counts.
        """

    def newest(
        self, table: str, column: str, *, version: int | None = None, besides: str | None = None
    ) -> datetime | None:
        """Largest value of a timestamp column, or None when there is none.

        Args:
            table: `<dataset>/<stream>`.
            column: Column of timestamps.
            version: An older version; None: the newest.
            besides: Batch to leave out; None: none.
        """

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Rows in no promised order, of shape (n_rows, n_columns).

        Args:
            table: `<dataset>/<stream>`.
            version: An older version; None: the newest.
            columns: Columns to read; None: all.
            where: Conditions that all hold: column, operator, value.

        Raises:
            NotFound: There is no such table or version.
        """

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Rows of a version in chunks; the same arguments give the same rows in the same order.

        Args:
            table: `<dataset>/<stream>`.
            version: Version to read.
            columns: Columns to read.
            where: Conditions that all hold: column, operator, value.
            chunk_rows: Largest number of rows in a chunk.

        Raises:
            NotFound: There is no such table or version.
        """

    def publish(
        self,
        table: str,
        rows: Iterable[pd.DataFrame],
        *,
        batch: str,
        writer: str,
        attempt: Attempt,
        note: Mapping[str, str],
        delivery: int | None = None,
    ) -> int:
        """Replace a batch's rows in one fenced commit; return the version that holds them.

        Args:
            table: `<dataset>/<stream>`.
            rows: Rows of the batch in frames of the same columns and types; timestamps carry a
                time zone.
            batch: Id of the batch.
            writer: Name of the piece of work; its attempts are numbered within it.
            attempt: Attempt that commits.
            note: Metadata of the commit.
            delivery: Number of the delivery, which may not replace a later one of its batch; None:
                not checked.

        Raises:
            BadBatch: A column has a type that the table cannot take.
            CommitConflict: Another commit came first.
            Superseded: A newer attempt has begun, or a later delivery has been committed.
        """
