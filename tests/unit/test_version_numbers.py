"""Numbers of versions: each is given once, to one digest."""

from __future__ import annotations

import pytest

from slipway.records import ledger
from slipway.records.version_numbers import find_holder, greatest_number, take_number
from tests.fakes.memory_store import MemoryStore

MODEL = "ferry_delay"
OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


def enter(store: MemoryStore, *versions: int | None) -> None:
    """Enter facts about versions, as stages do."""
    for version in versions:
        ledger.enter(store, MODEL, {"stage": "verify", "numbers": {"version": version}})


def test_no_number_was_given_at_first(store: MemoryStore) -> None:
    """The first version gets any number."""
    assert greatest_number(store, MODEL) == 0
    assert find_holder(store, MODEL, 1) is None
    assert take_number(store, MODEL, 1, sha256=OLD)
    assert greatest_number(store, MODEL) == 1


def test_a_number_is_given_to_one_digest(store: MemoryStore) -> None:
    """A repeat has it as well; another version does not get it."""
    assert take_number(store, MODEL, 7, sha256=OLD)
    assert take_number(store, MODEL, 7, sha256=OLD)
    assert not take_number(store, MODEL, 7, sha256=NEW)
    assert find_holder(store, MODEL, 7) == OLD


def test_a_version_without_digest_repeats_nothing(store: MemoryStore) -> None:
    """Nothing tells two of them apart."""
    assert take_number(store, MODEL, 7, sha256=None)
    assert not take_number(store, MODEL, 7, sha256=None)
    assert find_holder(store, MODEL, 7) is None


def test_numbers_are_of_one_model(store: MemoryStore) -> None:
    """Another model begins at 1."""
    take_number(store, MODEL, 7, sha256=OLD)
    assert greatest_number(store, "another") == 0


def test_numbers_of_an_earlier_release_are_in_the_ledger(store: MemoryStore) -> None:
    """The greatest one stays the greatest, also once a lower one is taken."""
    enter(store, 3, 9, None, 4)
    assert greatest_number(store, MODEL) == 9
    assert take_number(store, MODEL, 4, sha256=OLD)
    assert greatest_number(store, MODEL) == 9
    assert not take_number(store, MODEL, 9, sha256=NEW)


def test_a_damaged_entry_or_number_stops_nothing(store: MemoryStore) -> None:
    """`ledger verify` reports the one; the holder of the other is not known."""
    enter(store, 3, 9)
    store.write(f"ledger/{MODEL}/00000001.json", b"{")
    assert greatest_number(store, MODEL) == 9
    store.write(f"numbers/{MODEL}/00000012.json", b"{")
    assert greatest_number(store, MODEL) == 12
    assert find_holder(store, MODEL, 12) is None
    assert not take_number(store, MODEL, 12, sha256=NEW)
