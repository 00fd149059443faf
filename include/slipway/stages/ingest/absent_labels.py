"""Read a file of features and labels that has no column of a label: its rows have none yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.spec import DatasetSpec
from slipway.spec.look_alikes import plain
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, DeliveredRows

if TYPE_CHECKING:
    from slipway.stages.ports.delivery_source import OpenDelivery


def with_absent_labels(delivery: OpenDelivery, spec: DatasetSpec) -> OpenDelivery:
    """Return a delivery of features with every label's column, empty where the file has none.

    A column that may not be empty, or that the file seems to spell otherwise, stays absent: the
    file is refused for that.

    Args:
        delivery: Opened delivery of the features.
        spec: Dataset.
    """
    if not spec.streams.in_one_file:
        return delivery
    spelt = {plain(name) for name in delivery.names}
    absent = tuple(
        name
        for name, column in spec.streams.labels.columns.items()
        if column.nullable and plain(name) not in spelt
    )
    return _WithEmptyColumns(delivery, absent) if absent else delivery


@dataclass(frozen=True)
class _WithEmptyColumns:
    """Fulfils `OpenDelivery`."""

    delivery: OpenDelivery
    absent: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.delivery.names, *self.absent)

    @property
    def has_header_line(self) -> bool:
        return self.delivery.has_header_line

    @property
    def indexes(self) -> tuple[str, ...]:
        return self.delivery.indexes

    @property
    def doubts(self) -> tuple[str, ...]:
        listed = ", ".join(self.absent)
        return (*self.delivery.doubts, f"the file has no column {listed}, so no row has that label")

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        import pyarrow as pa

        there = [name for name in columns if name not in self.absent]
        for part in self.delivery.rows(there, at_most=at_most):
            empty = {name: pa.nulls(part.count) for name in columns if name in self.absent}
            yield DeliveredRows({**part.columns, **empty}, part.count, part.lines, part.broken)
