"""Signature of a model version: the columns that a request must and may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from slipway.serving.v2.fast_values import FastColumn, fast_column, fast_key
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import ColumnType


@dataclass(frozen=True)
class Signature:
    """Columns of an infer request.

    Attributes:
        columns: The model's inputs, in the model's order.
        key: Column that identifies a row; logged, not passed to the model.
        event_time: Column with the time of a row; logged, not passed to the model.
        key_type: Declared type of the key; None in versions without types.
    """

    columns: tuple[RawColumn, ...]
    key: str | None
    event_time: str | None
    key_type: ColumnType | None = None

    @cached_property
    def needed(self) -> frozenset[str]:
        """Required columns."""
        return frozenset(column.name for column in self.columns)

    @cached_property
    def fast(self) -> Mapping[str, Mapping[str, FastColumn]]:
        """What the fast check accepts, by column and datatype."""
        expected = {name: fast_key(None) for name in self.allowed}
        if self.key is not None:
            expected[self.key] = fast_key(self.key_type)
        return expected | {column.name: fast_column(column) for column in self.columns}

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Required and optional columns."""
        return self.needed | {name for name in (self.key, self.event_time) if name is not None}
