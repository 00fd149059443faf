"""Wishes that wait for a model's lease: known as long as whoever waits renews them.

A process that died renews nothing, so its wish is none any more after some seconds. Nothing is
decided by what stands here: it only tells people what is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway.errors import NotFound, Tampered
from slipway.records.store import Store, digest, encode, read_json

VALID_SECONDS = 20.0
"""A wish that was not renewed for so long is that of a process that died."""


@dataclass(frozen=True)
class WaitingWish:
    """Wish for a rollout that waits for another one to end.

    Attributes:
        model: Name of the model.
        to: `previous`, or a version's number.
        holder: Who will hold the lease: DAG and run, or the user of a shell and its run.
        by: Person who asked for it, or what started its DAG run.
        asked_at: Wall time at which it was asked for.
        since: Wall time since which it waits.
        until: Wall time at which it gives up.
        renewed_at: Wall time at which it was last renewed.
    """

    model: str
    to: str
    holder: str
    by: str
    asked_at: datetime
    since: datetime
    until: datetime
    renewed_at: datetime

    @property
    def key(self) -> str:
        """Store key of this wish; of no form that the key of an open stage has."""
        return f"{_folder(self.model)}/{_PREFIX}{digest(self.holder.encode())[:12]}.json"

    def is_waiting(self, now: datetime) -> bool:
        """Return whether it was renewed a moment ago."""
        return now - self.renewed_at < timedelta(seconds=VALID_SECONDS)

    def to_json(self) -> dict[str, Any]:
        """Return the wish as plain JSON."""
        return {name: _plain(one) for name, one in asdict(self).items()}


def keep_wish(store: Store, wish: WaitingWish) -> None:
    """Note that a wish waits, and forget those of processes that died."""
    for key, other in _noted(store, wish.model):
        if key != wish.key and (other is None or not other.is_waiting(wish.renewed_at)):
            store.delete(key)
    store.write(wish.key, encode(wish.to_json()))


def drop_wish(store: Store, wish: WaitingWish) -> None:
    """Note that a wish waits no more."""
    store.delete(wish.key)


def waiting_wishes(store: Store, model: str, *, now: datetime) -> list[WaitingWish]:
    """Return the wishes that wait, those that were asked for first before the others."""
    noted = (wish for _, wish in _noted(store, model))
    waiting = [wish for wish in noted if wish is not None and wish.is_waiting(now)]
    return sorted(waiting, key=lambda wish: (wish.asked_at, wish.holder))


def _noted(store: Store, model: str) -> Iterator[tuple[str, WaitingWish | None]]:
    """Yield every noted wish with its key; one that was damaged is None."""
    for entry in store.list(_folder(model)):
        if entry.key.startswith(f"{_folder(model)}/{_PREFIX}"):
            # It may have been dropped since the listing.
            with suppress(NotFound):
                yield entry.key, _read(store, entry.key)


def _read(store: Store, key: str) -> WaitingWish | None:
    with suppress(Tampered, KeyError, TypeError, ValueError, AttributeError):
        value = read_json(store, key)
        model, to, holder, by = (str(value[name]) for name in _TEXTS)
        times = [datetime.fromisoformat(value[name]) for name in _TIMES]
        if all(moment.tzinfo for moment in times):
            asked_at, since, until, renewed_at = times
            return WaitingWish(model, to, holder, by, asked_at, since, until, renewed_at)
    return None


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _folder(model: str) -> str:
    return f"open/{model}"


_PREFIX = "wish-"
_TEXTS = ("model", "to", "holder", "by")
_TIMES = ("asked_at", "since", "until", "renewed_at")
