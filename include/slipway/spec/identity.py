"""Identity of a row: its key and its event time, and how each is derived where no column has it.

Inside Slipway a key is one value and an event time is one moment, each in one column of the tables.
What a person names in `dataset.yaml` may be several columns, or none: then ingest derives the
column, and a model server derives the same from a request. Everything that joins, orders, scores or
logs rows asks here for the column, and everything that speaks to people for the names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from slipway.values.date_and_time import DateAndTimeForm, form_facts, form_of
from slipway.values.value_types import ColumnType

KEY = "_key"
"""Column of the tables with a key that is derived."""

EVENT_TIME = "_event_time"
"""Column of the features' table with a moment that several columns have together."""

ARRIVAL = "_arrival"
"""Column of the features' table with the moment at which a batch arrived."""

DERIVED = frozenset({KEY, EVENT_TIME, ARRIVAL})
"""Columns of the tables that no delivery has."""

ROW, ARRIVES = "row", "arrival"
"""What `key` and `event_time` say where no column has it."""

KeySource = Literal["column", "columns", "row"]
TimeSource = Literal["column", "columns", "arrival"]
Role = Literal["key", "event_time"]


@dataclass(frozen=True)
class Part:
    """A column from which a key or an event time is derived.

    Attributes:
        name: Its name.
        type: Its declared type.
    """

    name: str
    type: ColumnType


@dataclass(frozen=True)
class RowKey:
    """Key of a row.

    Attributes:
        column: Column of the tables that holds it.
        type: Type of that column.
        source: Where it comes from: a column, several columns, or the row as a whole.
        parts: Columns from which it is derived, in order; empty where a column has it.
    """

    column: str
    type: ColumnType
    source: KeySource = "column"
    parts: tuple[Part, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that a person has named: none where the row as a whole is the key."""
        return _named(self)

    def __str__(self) -> str:
        """The key as messages name it."""
        return ", ".join(self.named) or "the row"


@dataclass(frozen=True)
class RowTime:
    """Event time of a row.

    Attributes:
        column: Column of the features' table that holds it.
        source: Where it comes from: a column, several columns, or the arrival of the batch.
        parts: Columns of the day and the time of day; empty unless several have it.
        form: What each of these has, and how it is spelt.
    """

    column: str
    source: TimeSource = "column"
    parts: tuple[Part, ...] = ()
    form: DateAndTimeForm = field(default_factory=DateAndTimeForm)

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that a person has named: none where it is the arrival."""
        return _named(self)

    def __str__(self) -> str:
        """The event time as messages name it."""
        return ", ".join(self.named) or "the arrival"


def _named(derived: RowKey | RowTime) -> tuple[str, ...]:
    if derived.source == "columns":
        return tuple(part.name for part in derived.parts)
    return (derived.column,) if derived.source == "column" else ()


@dataclass(frozen=True)
class RowIdentity:
    """Key and event time of a dataset's rows."""

    key: RowKey
    time: RowTime

    def derived(self, stream: str) -> dict[str, ColumnType]:
        """Return the columns that the tables of a stream have beside the declared ones."""
        columns: dict[str, ColumnType] = {}
        if self.key.source != "column":
            columns[self.key.column] = "string"
        if stream == "features" and self.time.source != "column":
            columns[self.time.column] = "timestamp"
        return columns

    def required(self, stream: str) -> frozenset[str]:
        """Return the delivered columns without which a row has no identity."""
        return frozenset((*self.key.named, *(self.time.named if stream == "features" else ())))

    @property
    def parts(self) -> tuple[Part, ...]:
        """Columns from which key or event time are derived, each once."""
        return tuple(dict.fromkeys((*self.key.parts, *self.time.parts)))

    def needs(self, name: str) -> bool:
        """Return whether a row that has this column of the key or event time needs a value."""
        is_part = self.key.source == "row" and name in {part.name for part in self.key.parts}
        of_time = (self.time.column, *(part.name for part in self.time.parts))
        return not is_part or name in of_time

    def absent(
        self, role: Role, *, sent: Collection[str], inputs: Collection[str]
    ) -> tuple[str, ...] | None:
        """Return the parts of a derived key or event time that a request lacks.

        Like a key of its own, a derived one may be left out; but a request with some of its parts
        has to have the others, too.

        Args:
            role: `key` or `event_time`.
            sent: Columns of the request.
            inputs: Columns that the model takes, which every request has.

        Returns:
            What is missing; empty if nothing is; None if the request names none of them.
        """
        own, other = (self.key, self.time) if role == "key" else (self.time, self.key)
        beside = [part.name for part in own.parts if part.name not in inputs]
        missing = tuple(name for name in beside if name not in sent)
        # A column of the other one says nothing about this one.
        alone = set(beside) - {other.column, *(part.name for part in other.parts)}
        return missing if not missing or not alone.isdisjoint(sent) else None

    def absent_of_key(self, *, sent: Collection[str], inputs: Collection[str]) -> tuple[str, ...]:
        """Return the columns without which a request has no derived key; empty if it has one.

        Args:
            sent: Columns of the request.
            inputs: Columns that the model takes, which every request has.
        """
        beside = (part.name for part in self.key.parts if part.name not in inputs)
        return tuple(name for name in beside if name not in sent)

    @property
    def of_no_model(self) -> Mapping[str, str]:
        """Columns that are never given to a model, with what they are."""
        named = {self.key.column: "key", self.time.column: "event time"}
        return {name: role for name, role in named.items() if not name.startswith("_")}

    def facts(self) -> dict[str, Any]:
        """Return the identity as the manifest of a version has it."""
        facts: dict[str, Any] = {"key": self.key.column, "event_time": self.time.column}
        derived = dict(_derivations(self))
        return {**facts, "identity": derived} if derived else facts


def identity_of(manifest: Mapping[str, Any]) -> RowIdentity | None:
    """Return the identity of the rows that a version was trained on; None without one.

    Args:
        manifest: Manifest of the version.
    """
    key, event_time = key_of(manifest), manifest.get("event_time")
    if key is None or event_time is None:
        return None
    facts = (manifest.get("identity") or {}).get("event_time") or {}
    form = form_of(facts.get("form", {}))
    return RowIdentity(key, RowTime(event_time, facts.get("from", "column"), _parts(facts), form))


def key_of(manifest: Mapping[str, Any]) -> RowKey | None:
    """Return the key of the rows that a version was trained on; None without one.

    Args:
        manifest: Manifest of the version.
    """
    column: str | None = manifest.get("key")
    kind: ColumnType = manifest.get("key_type") or "string"
    facts = (manifest.get("identity") or {}).get("key") or {}
    if column is None:
        return None
    return RowKey(column, kind, facts.get("from", "column"), _parts(facts))


def _derivations(identity: RowIdentity) -> Iterator[tuple[str, dict[str, Any]]]:
    key, time = identity.key, identity.time
    if key.source != "column":
        yield "key", {"from": key.source, "parts": _listed(key.parts)}
    if time.source != "column":
        yield (
            "event_time",
            {
                "from": time.source,
                "parts": _listed(time.parts),
                "form": form_facts(time.form),
            },
        )


def _listed(parts: Collection[Part]) -> list[dict[str, str]]:
    return [{"name": part.name, "type": part.type} for part in parts]


def _parts(facts: Mapping[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(**one) for one in facts.get("parts", ()))
