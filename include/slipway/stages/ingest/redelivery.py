"""Tell what a delivery of a known batch is: a duplicate, a correction, or another try."""

from __future__ import annotations

from dataclasses import dataclass, field

from slipway.records.arrivals import Registration
from slipway.records.store import digest, encode
from slipway.spec import DatasetSpec


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
    identity = spec.identity
    derived = [one for one in (identity.key, identity.time) if one.source != "column"]
    form = vars(identity.time.form)
    return digest(encode([*map(str, derived), form]))[:12] if derived else None


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

    def repeats(self, sha256: str, *, reading: str, identity: str | None = None) -> bool:
        """Whether a delivery has the very bytes of the live revision, and would be read the same.

        A batch that was blocked since is tried again: the expectations may have changed.

        Args:
            sha256: Digest of its bytes.
            reading: `reading_digest` of the present spec.
            identity: `identity_mark` of the present spec.
        """
        rereads = self.rereads(sha256, reading=reading, identity=identity)
        return self._has_bytes(sha256) and not rereads

    def rereads(self, sha256: str, *, reading: str, identity: str | None = None) -> bool:
        """Whether the live revision has these bytes, and the spec gives its rows another result.

        Bad rows may be good by a changed spec; good ones may have another key or event time.
        """
        if self._newest is None or not self._has_bytes(sha256):
            return False
        if self._newest.note.get("identity") != identity:
            return True
        if not self.live_bad:
            return False
        # Without the digest, of older versions, the spec counts as unchanged.
        return bool(self._newest.note.get("reading", reading) != reading)

    @property
    def live_bad(self) -> int:
        """Number of rows of the live revision that went to quarantine, where it is the newest."""
        if self._newest is None or self._newest.revision != self.live:
            return 0
        return int(self._newest.note.get("quarantined") or 0)

    def _has_bytes(self, sha256: str) -> bool:
        newest = self._newest
        return newest is not None and newest.revision == self.live and newest.sha256 == sha256
