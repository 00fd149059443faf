"""Hold a delivery to the limits of an installation while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.settings import DeliveryLimits
from slipway.stages.ingest.over_limit import MIB, over_limit
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, DeliveredRows, OpenDelivery


def refuse_many_columns(count: int, limits: DeliveryLimits) -> None:
    """Raise if a file has too many columns.

    Raises:
        OverLimit: It has.
    """
    if count > limits.max_columns:
        raise over_limit(limits, "max_columns", what="columns", found=f"{count:,}")


def refuse_unpacked(size: int, limits: DeliveryLimits) -> None:
    """Raise if a delivery is too large once it is decompressed and decoded.

    Raises:
        OverLimit: It is.
    """
    if size > limits.max_unpacked_mib * MIB:
        what = "MiB once it is decompressed and decoded"
        raise over_limit(limits, "max_unpacked_mib", what=what, found="more")


@dataclass(frozen=True)
class LimitedDelivery:
    """Fulfils `OpenDelivery`: another one, of which no more rows are read than allowed.

    Attributes:
        delivery: Delivery, its header read.
        limits: Limits.
    """

    delivery: OpenDelivery
    limits: DeliveryLimits

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, as the file has them."""
        return self.delivery.names

    @property
    def has_header_line(self) -> bool:
        """Whether the names stand in a line of the file."""
        return self.delivery.has_header_line

    @property
    def indexes(self) -> tuple[str, ...]:
        """Names of pandas' indexes that are counted, so that the file has no column of them."""
        return self.delivery.indexes

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the file may be read otherwise than it was written."""
        return self.delivery.doubts

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on.

        Raises:
            BadBatch: The file cannot be read to its end.
            OverLimit: It has more rows than allowed.
        """
        seen = 0
        for rows in self.delivery.rows(columns, at_most=at_most):
            seen += rows.count + len(rows.broken)
            if seen > self.limits.max_rows:
                raise over_limit(self.limits, "max_rows", what="rows", found="more")
            yield rows
