"""Leases: who may change something shared, one at a time; the lease's number is the fencing token.

Only the holder of a number writes its object, and whoever takes over creates the next one,
so a holder that wakes up late finds at its next commit that it has been superseded.
Leases are the one record that runs on wall time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.errors import LeaseHeld, Superseded
from slipway.records.store import Store, encode, newest_number, read_json


@dataclass(frozen=True)
class Lease:
    """One holder's turn.

    Attributes:
        name: What is leased.
        number: Fencing token; grows with every new turn.
        holder: Who has it, e.g. a DAG run's id; a repeat by the same holder is the same turn.
        expires_at: Wall time, in UTC, from which others may take over.
        released: Whether the holder gave it back.
    """

    name: str
    number: int
    holder: str
    expires_at: datetime
    released: bool = False

    @property
    def key(self) -> str:
        """Store key of this turn."""
        return f"{_folder(self.name)}/{self.number:08d}.json"

    def is_open(self, now: datetime) -> bool:
        """Whether others have to keep away."""
        return not self.released and self.expires_at > now

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return {
            "name": self.name,
            "number": self.number,
            "holder": self.holder,
            "expires_at": self.expires_at.isoformat(),
            "released": self.released,
        }


def find_lease(store: Store, name: str) -> Lease | None:
    """The newest turn, held or not, or None when nobody ever had one."""
    number = newest_number(store, _folder(name))
    if number == 0:
        return None
    value = read_json(store, f"{_folder(name)}/{number:08d}.json")
    return Lease(**{**value, "expires_at": datetime.fromisoformat(value["expires_at"])})


def acquire(
    store: Store,
    name: str,
    *,
    holder: str,
    seconds: float,
    now: datetime | None = None,
    over: int | None = None,
) -> Lease:
    """The lease, for `seconds` from now; a holder that has it already has it renewed.

    Args:
        store: Where leases lie.
        name: What is leased.
        holder: Who wants it.
        seconds: For how long.
        now: Wall time; the clock's when not given.
        over: Number of another holder's lease that need not have ended.

    Raises:
        LeaseHeld: Somebody else has it.
    """
    moment = now or datetime.now(UTC)
    expires_at = moment + timedelta(seconds=seconds)
    while True:
        newest = find_lease(store, name)
        if newest and newest.holder == holder and not newest.released:
            with suppress(Superseded):
                return renew(store, newest, seconds=seconds, now=moment)
            continue
        if newest and newest.is_open(moment) and newest.number != over:
            raise _held(newest)
        lease = Lease(name, newest.number + 1 if newest else 1, holder, expires_at)
        if store.create(lease.key, encode(lease.to_json())):
            return lease


def renew(store: Store, lease: Lease, *, seconds: float, now: datetime | None = None) -> Lease:
    """The same lease, for `seconds` from now.

    Raises:
        Superseded: Somebody else took over, or it was given back.
    """
    check(store, lease)
    expires_at = (now or datetime.now(UTC)) + timedelta(seconds=seconds)
    renewed = replace(lease, expires_at=expires_at)
    store.write(renewed.key, encode(renewed.to_json()))
    check(store, renewed)
    return renewed


def release(store: Store, lease: Lease) -> None:
    """Give the lease back; nothing happens when that was done or somebody else took over."""
    with suppress(Superseded):
        check(store, lease)
        store.write(lease.key, encode(replace(lease, released=True).to_json()))


def check(store: Store, lease: Lease) -> None:
    """Make sure that the lease still stands; call it right before a commit.

    Raises:
        Superseded: Somebody else took over, or it was given back.
    """
    newest = find_lease(store, lease.name)
    if newest is None or newest.number != lease.number or newest.released:
        raise Superseded(
            f"{lease.holder} may no longer act on {lease.name}",
            expected=f"lease {lease.number} to be the newest, and not given back",
            found=f"lease {newest.number} of {newest.holder}" if newest else "no lease",
            where=lease.key,
            hint="the newer holder goes on from here; start again if it should not have",
        )


def _held(lease: Lease) -> LeaseHeld:
    return LeaseHeld(
        f"{lease.name} is taken",
        expected="no other holder",
        found=f"{lease.holder} until {lease.expires_at.isoformat()}",
        where=lease.key,
        hint="wait for it to end; an abandoned lease is free again after that time",
    )


def _folder(name: str) -> str:
    return f"leases/{name}"
