"""Leases, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from slipway.errors import LeaseHeld, Superseded
from slipway.records import leases
from slipway.records.leases import Lease
from slipway.records.store import Store
from tests.support.racing import race

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=61)


def _acquire(store: Store, holder: str, *, now: datetime = NOON) -> Lease:
    return leases.acquire(store, "rollout-flights", holder=holder, seconds=60, now=now)


def test_the_first_lease_is_number_one(any_store: Store) -> None:
    """Before it there is none."""
    assert leases.find_lease(any_store, "rollout-flights") is None
    lease = _acquire(any_store, "ann")
    assert (lease.number, lease.holder) == (1, "ann")
    assert leases.find_lease(any_store, "rollout-flights") == lease
    leases.check(any_store, lease)


def test_a_held_lease_is_refused_to_others(any_store: Store) -> None:
    """The error has the holder and the end of the lease."""
    _acquire(any_store, "ann")
    with pytest.raises(LeaseHeld, match="ann until 2026-01-01 12:01:00 UTC"):
        _acquire(any_store, "bob")


def test_the_same_holder_has_the_same_lease_again(any_store: Store) -> None:
    """A repeated task renews its lease under its number, also after its end."""
    first = _acquire(any_store, "ann")
    again = _acquire(any_store, "ann", now=LATER)
    assert again.number == first.number
    assert again.expires_at == LATER + timedelta(seconds=60)
    with pytest.raises(LeaseHeld):
        _acquire(any_store, "bob", now=LATER)


def test_an_expired_lease_is_taken_over_under_a_greater_number(any_store: Store) -> None:
    """The old holder is refused at its next commit, renewal or release."""
    old = _acquire(any_store, "ann")
    new = _acquire(any_store, "bob", now=LATER)
    assert new.number == old.number + 1
    with pytest.raises(Superseded, match="ann may no longer act"):
        leases.check(any_store, old)
    with pytest.raises(Superseded):
        leases.renew(any_store, old, seconds=60, now=LATER)
    leases.release(any_store, old)
    leases.check(any_store, new)
    with pytest.raises(LeaseHeld):
        _acquire(any_store, "ann", now=LATER)


def test_a_released_lease_is_free_at_once(any_store: Store) -> None:
    """Its last holder is refused from then on."""
    lease = _acquire(any_store, "ann")
    leases.release(any_store, lease)
    leases.release(any_store, lease)
    with pytest.raises(Superseded):
        leases.check(any_store, lease)
    assert _acquire(any_store, "bob").number == 2


def test_a_holder_who_gave_it_back_begins_a_new_turn(any_store: Store) -> None:
    """No number is used twice."""
    leases.release(any_store, _acquire(any_store, "ann"))
    assert _acquire(any_store, "ann").number == 2


def test_renewal_keeps_others_away(any_store: Store) -> None:
    """The lease's time counts from the renewal."""
    lease = _acquire(any_store, "ann")
    renewed = leases.renew(any_store, lease, seconds=120, now=NOON)
    assert (renewed.number, renewed.is_open(LATER)) == (1, True)
    with pytest.raises(LeaseHeld):
        _acquire(any_store, "bob", now=LATER)


def test_names_do_not_meet(any_store: Store) -> None:
    """Leases of different names are independent."""
    _acquire(any_store, "ann")
    assert leases.acquire(any_store, "rollout-trains", holder="bob", seconds=1).number == 1


@pytest.mark.parametrize("before", [0, 1])
def test_one_of_racing_holders_wins(any_store: Store, before: int) -> None:
    """Of many holders one gets the next number, of a free and of an expired lease."""
    for _ in range(before):
        _acquire(any_store, "yesterday", now=NOON - timedelta(days=1))
    racers = [partial(_acquire, any_store, f"holder-{number}") for number in range(6)]
    results = race(racers)
    winners = [result for result in results if isinstance(result, Lease)]
    assert [winner.number for winner in winners] == [before + 1]
    assert sum(isinstance(result, LeaseHeld) for result in results) == 5
    assert leases.find_lease(any_store, "rollout-flights") == winners[0]
