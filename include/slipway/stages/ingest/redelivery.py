"""Tell what a delivery of a known batch is: a duplicate, a correction, or another try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.records.arrivals import Registration
from slipway.records.store import digest, encode
from slipway.spec import Column, DatasetSpec
from slipway.spec.dataset import StreamName


def reading_digest(spec: DatasetSpec) -> str:
    """Return a digest that changes with what decides how a dataset's files are read and judged."""
    read = spec.model_dump(
        mode="json",
        include={
            **dict.fromkeys(("key", "event_time", "csv", "streams", "expectations"), True),
            "arrival": {"event_time_tolerance_days"},
        },
        exclude_defaults=True,
    )
    return digest(encode(read))


def identity_mark(spec: DatasetSpec) -> str | None:
    """Return a text that changes with how key and event time are derived; None if neither is."""
    facts = spec.identity.facts()
    return digest(encode(facts))[:12] if "identity" in facts else None


def marks_of(spec: DatasetSpec, stream: StreamName) -> dict[str, str]:
    """Return what tells how a stream's files are read, as a delivery's registration keeps it.

    `reading` changes with what decides how rows are read and judged, `columns` with the columns
    that are stored, and `identity` with how key and event time are derived, where they are.
    """
    columns = spec.streams.file(stream).columns
    kept = {name: _how_read(one) for name, one in columns.items()}
    marks = {"reading": reading_digest(spec), "columns": digest(encode(kept))[:12]}
    identity = identity_mark(spec)
    return marks if identity is None else {**marks, "identity": identity}


def _how_read(column: Column) -> list[str | None]:
    """What decides the values of a column, beside the dialect of the files."""
    spelt = [column.unit, column.decimal, column.thousands, column.negative]
    # Registrations of columns without marks of their own stay what they were.
    return [column.type, column.format, column.timezone, *(spelt if any(spelt) else [])]


@dataclass(frozen=True)
class Revisions:
    """Revisions of a batch before one of its deliveries is handled.

    Attributes:
        live: Revision whose rows are in the table, or None.
        next: Revision of this delivery, unless it repeats the live one.
    """

    live: int | None
    next: int
    _newest: Registration | None = field(default=None, repr=False)

    @classmethod
    def after(cls, newest: Registration | None) -> Revisions:
        """Return the revisions after the newest registration of a batch."""
        if newest is None:
            return cls(None, 1)
        live = newest.note.get("live_revision")
        return cls(None if live is None else int(live), newest.revision + 1, newest)

    def repeats(self, sha256: str, marks: Mapping[str, str]) -> bool:
        """Whether a delivery has the very bytes of the live revision, and would be read the same.

        A batch that was blocked since is tried again: the expectations may have changed.

        Args:
            sha256: Digest of its bytes.
            marks: `marks_of` the present spec.
        """
        return self._has_bytes(sha256) and not self.rereads(sha256, marks)

    def rereads(self, sha256: str, marks: Mapping[str, str]) -> bool:
        """Whether the live revision has these bytes, and the spec gives its rows another result.

        Bad rows may be good by a changed spec; good ones may have another key or event time, or
        further columns.
        """
        if self._newest is None or not self._has_bytes(sha256):
            return False
        note = self._newest.note
        # Without a digest, of older versions, the spec counts as unchanged.
        changed = {
            name for name in ("reading", "columns") if note.get(name, marks[name]) != marks[name]
        }
        is_derived_otherwise = note.get("identity") != marks.get("identity")
        is_judged_otherwise = self.live_bad > 0 and "reading" in changed
        return is_derived_otherwise or is_judged_otherwise or "columns" in changed

    @property
    def live_bad(self) -> int:
        """Number of rows of the live revision that went to quarantine, where it is the newest."""
        if self._newest is None or self._newest.revision != self.live:
            return 0
        return int(self._newest.note.get("quarantined") or 0)

    def _has_bytes(self, sha256: str) -> bool:
        newest = self._newest
        return newest is not None and newest.revision == self.live and newest.sha256 == sha256
