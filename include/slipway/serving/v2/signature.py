"""Signature of a model version: the columns that a request must and may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from slipway.serving.v2.fast_values import FastColumn, fast_column, fast_key
from slipway.serving.v2.known_layouts import KnownLayouts
from slipway.serving.v2.outputs import names_of
from slipway.spec.identity import RowIdentity
from slipway.spec.labels import Label
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import ColumnType


@dataclass(frozen=True)
class LoggedColumn:
    """A column of the key or the event time.

    Attributes:
        name: Its name.
        type: Declared type; None for the key of a version without types.
        role: `key`, `event_time`, or both with `, ` between them.
        nullable: Whether a row may lack it.
    """

    name: str
    type: ColumnType | None
    role: str
    nullable: bool = False

    @property
    def fast_type(self) -> ColumnType | None:
        """Type for the fast check, which passes on the texts of times as they are."""
        return None if self.type == "timestamp" else self.type

    def also(self, other: LoggedColumn) -> LoggedColumn:
        """Return the column with a further role."""
        nullable = self.nullable and other.nullable
        return replace(self, role=f"{self.role}, {other.role}", nullable=nullable)


@dataclass(frozen=True)
class Signature:
    """Columns of an infer request.

    Attributes:
        columns: The model's inputs, in the model's order.
        key: Column that identifies a row; logged, not passed to the model.
        event_time: Column with the time of a row; logged, not passed to the model.
        key_type: Declared type of the key; None in versions without types.
        identity: Key and event time, where one of them is derived from columns of the request.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        positive: Class whose probability the score of a model of two classes is; None of others.
        tells_outliers: Whether the version answers how unusual each row is.
        explains: Whether it explains its answers on request.
    """

    columns: tuple[RawColumn, ...]
    key: str | None
    event_time: str | None
    key_type: ColumnType | None = None
    identity: RowIdentity | None = None
    classes: tuple[Label, ...] | None = None
    positive: Label | None = None
    tells_outliers: bool = False
    explains: bool = False

    @cached_property
    def outputs(self) -> Mapping[str, bool]:
        """Every output, none of them as bytes."""
        return dict.fromkeys(names_of(self.classes, tells_outliers=self.tells_outliers), False)

    @cached_property
    def needed(self) -> frozenset[str]:
        """Required columns."""
        return frozenset(column.name for column in self.columns)

    @cached_property
    def fast(self) -> Mapping[str, Mapping[str, FastColumn]]:
        """What the fast check accepts, by column and datatype."""
        beside = {one.name: fast_key(one.fast_type) for one in self.logged}
        return beside | {column.name: fast_column(column) for column in self.columns}

    @cached_property
    def layouts(self) -> KnownLayouts:
        """Layouts of requests that were seen."""
        return KnownLayouts(self.fast, frozenset(one.name for one in self.identifying))

    @cached_property
    def logged(self) -> tuple[LoggedColumn, ...]:
        """Optional columns: those of key and event time that are not given to the model."""
        return tuple(one for one in self.identifying if one.name not in self.needed)

    @cached_property
    def identifying(self) -> tuple[LoggedColumn, ...]:
        """Columns of key and event time, each once."""
        found: dict[str, LoggedColumn] = {}
        for one in self._by_role():
            known = found.get(one.name)
            found[one.name] = one if known is None else known.also(one)
        return tuple(found.values())

    def _by_role(self) -> Iterator[LoggedColumn]:
        key = None if self.identity is None else self.identity.key
        time = None if self.identity is None else self.identity.time
        if key is not None and key.parts:
            for part in key.parts:
                yield LoggedColumn(part.name, part.type, "key", nullable=key.source == "row")
        elif self.key is not None:
            yield LoggedColumn(self.key, self.key_type, "key")
        if time is not None and time.parts:
            for part in time.parts:
                yield LoggedColumn(part.name, part.type, "event_time")
        elif self.event_time is not None:
            yield LoggedColumn(self.event_time, "timestamp", "event_time")

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Required and optional columns."""
        return self.needed | {one.name for one in self.logged}
