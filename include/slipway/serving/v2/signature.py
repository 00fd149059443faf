"""Signature of a model version: the columns that a request must and may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from slipway.serving.v2.fast_decode import Expected, expected_column
from slipway.stages.ports.raw_column import RawColumn


@dataclass(frozen=True)
class Signature:
    """Columns of an infer request.

    Attributes:
        columns: The model's inputs, in the model's order.
        key: Column that identifies a row; logged, not passed to the model.
        event_time: Column with the time of a row; logged, not passed to the model.
    """

    columns: tuple[RawColumn, ...]
    key: str | None
    event_time: str | None

    @cached_property
    def needed(self) -> frozenset[str]:
        """Required columns."""
        return frozenset(column.name for column in self.columns)

    @cached_property
    def fast(self) -> Mapping[str, Expected]:
        """Datatype and value types that the fast check accepts, by column."""
        expected = {name: expected_column("string", nullable=False) for name in self.allowed}
        for column in self.columns:
            expected[column.name] = expected_column(column.kind, nullable=not column.required)
        return expected

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Required and optional columns."""
        return self.needed | {name for name in (self.key, self.event_time) if name is not None}
