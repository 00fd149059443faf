"""Tell what a delivery of a known batch is: a duplicate, a correction, or another try."""

from __future__ import annotations

from dataclasses import dataclass, field

from slipway.records.arrivals import Registration


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

    def repeats(self, sha256: str) -> bool:
        """Whether a delivery has the very bytes of the live revision.

        A batch that was blocked since is tried again: the expectations may have changed.
        """
        newest = self._newest
        return newest is not None and newest.revision == self.live and newest.sha256 == sha256
