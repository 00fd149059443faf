"""Delivery source port: where a dataset's deliveries come from, and how their rows are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.records.landing_area import Delivery
    from slipway.spec.csv import Csv

ROWS_AT_ONCE = 131_072
"""Rows that are read at once, unless a caller asks for fewer."""


@dataclass(frozen=True)
class BrokenLine:
    """A line of a file that is no row.

    Attributes:
        line: Its number, from 1.
        reason: To be read after "the line", such as `has 3 values where the header has 2`.
        text: The line itself, cut if it is long.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class DeliveredRows:
    """Consecutive rows of a delivery, as the file has them.

    Attributes:
        columns: Cells by column, only of the columns that were asked for: an array of the file's
            own type, or a sequence where the cells are of several types.
        count: Number of rows.
        lines: Number of the line on which each row begins; None where the format has no lines.
        broken: Lines between or after these rows that are no rows.
    """

    columns: Mapping[str, pa.Array | Sequence[object]]
    count: int
    lines: Sequence[int] | None = None
    broken: tuple[BrokenLine, ...] = ()


class OpenDelivery(Protocol):
    """A delivery whose header was read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, as the file has them."""

    @property
    def has_header_line(self) -> bool:
        """Whether the names stand in a line of the file, as in CSV."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """Names that the file has of no column, but of an index of pandas that it only counts."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the file may be read otherwise than it was written: warnings of its verdict."""

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on, in bounded memory.

        Args:
            columns: Columns to read, each one of `names`; no other is looked at.
            at_most: Rows that are returned at once.

        Raises:
            BadBatch: The file cannot be read to its end, or holds neither a row nor a broken line.
        """


class DeliverySource(Protocol):
    """A source of deliveries; one class for each row of `spec/sources.py`.

    A delivery is a fixed sequence of bytes: its digest tells duplicates from revisions, and a
    blocked one is kept as it was fetched. A source of another nature, such as a database, encodes
    the rows of a batch as Parquet.
    """

    naming: str
    """How keys of deliveries are made up, for messages."""

    def deliveries(self, dataset: str) -> list[Delivery]:
        """Return every delivery that can be fetched, in the order of ingestion.

        The landing trigger calls it in Airflow's triggerer, so it imports nothing heavy.

        Raises:
            StoreUnavailable: The source does not respond.
        """

    def uri(self, delivery: Delivery) -> str:
        """Return the address of a delivery, for people and records."""

    def fetch(self, delivery: Delivery, folder: Path) -> Path:
        """Copy a delivery into a local folder; return its file, or its folder of parts.

        Raises:
            NotFound: The delivery is gone.
            CommitConflict: It was written again meanwhile.
            StoreUnavailable: The source does not respond.
        """

    def open(self, path: Path, delivery: Delivery, *, csv: Csv) -> OpenDelivery:
        """Open a fetched delivery.

        Args:
            path: Its file or folder, as `fetch` returned it.
            delivery: Delivery.
            csv: Dialect of CSV files.

        Raises:
            BadBatch: It cannot be read.
        """
