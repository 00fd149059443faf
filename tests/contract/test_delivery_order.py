"""Order of deliveries, on every store."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from slipway.records.delivery_order import number_of
from slipway.records.landing_area import Delivery
from slipway.records.store import Store
from tests.fakes.kill_points import KillableStore, Killed, KillPoint
from tests.support.racing import race


def _delivery(batch: str, *, stream: str = "features", tag12: str = "0" * 12) -> Delivery:
    key = f"landing/flights/{stream}/{batch}.csv"
    landed = datetime(2026, 1, 1, tzinfo=UTC)
    return Delivery("flights", stream, batch, key, ".csv", 10, landed, tag12)


def test_deliveries_are_numbered_as_they_are_accepted(any_store: Store) -> None:
    """One order for both streams, whatever the names of the batches."""
    accepted = [_delivery("b"), _delivery("a", stream="labels"), _delivery("a"), _delivery("c")]
    assert [number_of(any_store, one) for one in accepted] == [1, 2, 3, 4]


def test_a_repeat_has_the_same_number(any_store: Store) -> None:
    """A retry changes nothing, and a changed file is another delivery."""
    first, other = _delivery("a"), _delivery("b")
    assert [number_of(any_store, one) for one in (first, other, first, other)] == [1, 2, 1, 2]
    assert number_of(any_store, _delivery("a", tag12="1" * 12)) == 3


def test_racing_deliveries_have_numbers_of_their_own(any_store: Store) -> None:
    """Two processes never give one number to two deliveries."""
    numbers = race([partial(number_of, any_store, _delivery(f"b{one}")) for one in range(6)])
    assert len(set(numbers)) == 6
    assert all(isinstance(one, int) for one in numbers)


def test_racing_callers_for_one_delivery_agree(any_store: Store) -> None:
    """The slower one takes the number of the faster one."""
    numbers = race([partial(number_of, any_store, _delivery("a")) for _ in range(6)])
    assert len(set(numbers)) == 1
    assert number_of(any_store, _delivery("b")) > numbers[0]  # type: ignore[operator]


def test_a_kill_between_the_writes_leaves_a_gap_and_no_second_owner() -> None:
    """The next attempt claims a greater number, and keeps it."""
    store = KillableStore()
    store.kill_point = KillPoint(1)
    try:
        number_of(store, _delivery("a"))
    except Killed:
        store.kill_point = KillPoint()
    assert [number_of(store, _delivery(one)) for one in ("b", "a", "b", "a")] == [2, 3, 2, 3]
