"""Leases: one holder at a time may change a shared thing; a lease's number is the fencing token.

Only the holder of a number writes its object, and the next holder creates the next number, so a
holder that resumes late is superseded at its next commit. Leases run on wall time.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.errors import LeaseHeld, Superseded, Tampered
from slipway.records.entry_checks import CLOCK_TOLERANCE_SECONDS
from slipway.records.store import Store, encode, list_numbers, newest_number, read_json
from slipway.values.told_times import in_utc

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 300.0
"""No lease is granted for longer; who needs longer renews it."""


@dataclass(frozen=True)
class Lease:
    """One holder's lease.

    Attributes:
        name: Name of the leased thing.
        number: Fencing token; grows with every new lease.
        holder: For example a DAG run's id; a repeat by the same holder renews the lease.
        expires_at: Wall time, in UTC, from which others may acquire it.
        released: Whether the holder released it.
    """

    name: str
    number: int
    holder: str
    expires_at: datetime
    released: bool = False

    @property
    def key(self) -> str:
        """Store key of this lease."""
        return f"{_folder(self.name)}/{self.number:08d}.json"

    def is_open(self, now: datetime) -> bool:
        """Return whether the lease excludes other holders; one too long to be granted does not."""
        return not self.released and self.expires_at > now and not self.is_too_long(now)

    def is_too_long(self, now: datetime) -> bool:
        """Return whether it lasts longer than one is granted for, so that something else wrote it.

        Clocks of two machines may differ by `CLOCK_TOLERANCE_SECONDS`.
        """
        longest = timedelta(seconds=LONGEST_SECONDS + CLOCK_TOLERANCE_SECONDS)
        return not self.released and self.expires_at > now + longest

    def to_json(self) -> dict[str, Any]:
        """Return the lease as plain JSON."""
        return {
            "name": self.name,
            "number": self.number,
            "holder": self.holder,
            "expires_at": self.expires_at.isoformat(),
            "released": self.released,
        }


def find_lease(store: Store, name: str) -> Lease | None:
    """Return the newest lease, held or not, or None when there was none yet.

    One that was damaged counts as expired.
    """
    number = newest_number(store, _folder(name))
    if number == 0:
        return None
    key = f"{_folder(name)}/{number:08d}.json"
    with suppress(Tampered, KeyError, TypeError, ValueError):
        lease = _parse(read_json(store, key))
        if (lease.name, lease.number) == (name, number):
            return lease
    # Its number still fences; a holder that is alive writes it again at its next renewal.
    logger.warning("%s is damaged: it counts as expired", key)
    return Lease(name, number, "nobody", datetime.min.replace(tzinfo=UTC))


def was_acquired(store: Store, name: str, number: int) -> bool:
    """Return whether a lease with a number was ever acquired; costs one listing."""
    return number in list_numbers(store, _folder(name))


def rollout_lease(model: str) -> str:
    """Return the name of the lease that rollouts of a model acquire."""
    return f"rollout-{model}"


def acquire(
    store: Store,
    name: str,
    *,
    holder: str,
    seconds: float,
    now: datetime | None = None,
    over: int | None = None,
) -> Lease:
    """Acquire a lease for `seconds` from now, or renew it for its holder.

    Args:
        store: Store of the leases.
        name: Name of the leased thing.
        holder: Holder that acquires it.
        seconds: Duration, at most `LONGEST_SECONDS`.
        now: Wall time; None: the machine's.
        over: Number of another holder's lease to take over though it has not expired.

    Raises:
        LeaseHeld: Another holder has it.
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
    """Renew a lease for `seconds` from now.

    Raises:
        Superseded: Another holder has acquired it, or it was released.
    """
    check(store, lease)
    expires_at = (now or datetime.now(UTC)) + timedelta(seconds=seconds)
    renewed = replace(lease, expires_at=expires_at)
    store.write(renewed.key, encode(renewed.to_json()))
    check(store, renewed)
    return renewed


def release(store: Store, lease: Lease) -> None:
    """Release a lease; no effect when it was released or another holder has acquired it."""
    with suppress(Superseded):
        check(store, lease)
        store.write(lease.key, encode(replace(lease, released=True).to_json()))


def check(store: Store, lease: Lease) -> None:
    """Raise unless the lease is still valid; call it right before a commit.

    Raises:
        Superseded: Another holder has acquired it, or it was released.
    """
    newest = find_lease(store, lease.name)
    if newest is None or newest.number != lease.number or newest.released:
        raise Superseded(
            f"{lease.holder} may no longer act on {lease.name}",
            expected=f"lease {lease.number} to be the newest, and not released",
            found=f"lease {newest.number} of {newest.holder}" if newest else "no lease",
            where=lease.key,
            hint="the newer holder continues; start again if it should not have",
        )


def _parse(value: Any) -> Lease:
    """A lease from its JSON; raises `ValueError` and its like where it is none."""
    lease = Lease(**{**value, "expires_at": datetime.fromisoformat(value["expires_at"])})
    has_types = isinstance(value["holder"], str) and isinstance(value["released"], bool)
    if lease.expires_at.tzinfo is None or not has_types:
        raise ValueError("it is no lease")
    return lease


def _held(lease: Lease) -> LeaseHeld:
    return LeaseHeld(
        f"{lease.name} is leased to another holder",
        expected="no other holder",
        found=f"{lease.holder} until {in_utc(lease.expires_at)}",
        where=lease.key,
        hint="wait until it is released; an abandoned lease expires at that time",
    )


def _folder(name: str) -> str:
    return f"leases/{name}"
