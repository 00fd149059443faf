"""Renewal of a rollout's lease during a slow wait, while its process lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from slipway.errors import LeaseHeld, StoreUnavailable, Superseded
from slipway.records.leases import Lease, acquire, find_lease
from slipway.stages.rollout.lease import keep_lease, lease_name, renew_lease
from slipway.stages.rollout.plan import RolloutPlan
from tests.fakes.memory_store import MemoryStore

ROLLOUT = RolloutPlan("delay", 1, "roll_out", version=3, champion=2, previous=1)
NAME = lease_name("delay")
OFTEN = 0.01
LATER = timedelta(hours=1)


class FrailStore(MemoryStore):
    """A store that can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False

    def write(self, key: str, data: bytes) -> None:
        """Replace one object; raises while the store is down."""
        if self.is_away:
            raise StoreUnavailable("the store is away")
        super().write(key, data)


@pytest.fixture
def store() -> FrailStore:
    """A store with a lease of a rollout that has begun."""
    made = FrailStore()
    acquire(made, NAME, holder="run-1", seconds=60)
    return made


def lease(store: MemoryStore) -> Lease:
    """The newest lease."""
    found = find_lease(store, NAME)
    assert found is not None
    return found


def eventually(so: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 5
    while not so():
        assert time.monotonic() < deadline
        time.sleep(OFTEN)


def test_a_slow_rollout_keeps_its_lease(store: FrailStore) -> None:
    """It is renewed repeatedly, so no other rollout takes over from a live one."""
    with keep_lease(store, ROLLOUT, every_seconds=OFTEN):
        seen = lease(store).expires_at
        eventually(lambda: lease(store).expires_at > seen)
        with pytest.raises(LeaseHeld):
            acquire(store, NAME, holder="run-2", seconds=60)


def test_nothing_renews_the_lease_once_the_wait_is_over(store: FrailStore) -> None:
    """Neither after its end nor after an error inside, which is raised unchanged."""
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), keep_lease(store, ROLLOUT, every_seconds=OFTEN):
        raise ZeroDivisionError
    assert threading.active_count() == before
    seen = lease(store)
    time.sleep(5 * OFTEN)
    assert lease(store) == seen


def test_a_rollout_that_was_taken_over_meanwhile_is_refused(store: FrailStore) -> None:
    """It may not go on after the wait."""
    with (
        pytest.raises(Superseded),
        keep_lease(store, ROLLOUT, every_seconds=OFTEN),
    ):
        acquire(store, NAME, holder="run-2", seconds=60, over=1)
    assert lease(store).holder == "run-2"


def test_a_rollout_that_was_taken_over_before_does_not_begin(store: FrailStore) -> None:
    """Its lease expired without renewal, and another rollout has it."""
    acquire(store, NAME, holder="run-2", seconds=60, now=datetime.now(UTC) + LATER)
    entered = False
    with pytest.raises(Superseded), keep_lease(store, ROLLOUT):
        entered = True
    assert not entered


def test_an_expired_lease_without_another_holder_is_renewed(store: FrailStore) -> None:
    """Only another holder ends a lease, not time alone."""
    acquire(store, NAME, holder="run-1", seconds=-60)
    assert renew_lease(store, ROLLOUT).is_open(datetime.now(UTC))


def test_a_store_that_is_away_for_a_moment_costs_no_lease(store: FrailStore) -> None:
    """The next renewal succeeds."""
    with keep_lease(store, ROLLOUT, every_seconds=OFTEN):
        store.is_away = True
        time.sleep(5 * OFTEN)
        store.is_away = False
        seen = lease(store).expires_at
        eventually(lambda: lease(store).expires_at > seen)
