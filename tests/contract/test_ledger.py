"""The ledger on every store, and the detection of every change of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slipway.records import ledger
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict
from tests.fakes.memory_store import MemoryStore
from tests.support.racing import race


def _keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list("ledger/delay")]


def test_entries_are_numbered_and_chained(any_store: Store) -> None:
    """Each entry holds the hash of the one before it."""
    assert ledger.head(any_store, "delay") == ledger.Head(0, ledger.FIRST_PREVIOUS)
    numbers = [ledger.enter(any_store, "delay", {"what": name}) for name in "abc"]
    assert numbers == [1, 2, 3]
    entries = ledger.read(any_store, "delay")
    assert [entry["fact"]["what"] for entry in entries] == ["a", "b", "c"]
    assert entries[2]["previous"] == digest(encode(entries[1]))
    assert ledger.head(any_store, "delay") == ledger.Head(3, digest(encode(entries[2])))
    assert ledger.verify(any_store, "delay") == []


def test_each_subject_has_its_own_chain(any_store: Store) -> None:
    """Datasets and models do not share numbers."""
    assert ledger.enter(any_store, "delay", {}) == 1
    assert ledger.enter(any_store, "delay2", {}) == 1
    assert ledger.subjects(any_store) == ["delay", "delay2"]
    assert ledger.length(any_store, "delay") == 1


def test_a_unique_fact_is_entered_once(any_store: Store) -> None:
    """A second write returns the first entry's number."""
    first = ledger.enter(any_store, "delay", {"name": "a"}, unique="name")
    ledger.enter(any_store, "delay", {"name": "b"}, unique="name")
    assert ledger.enter(any_store, "delay", {"name": "a"}, unique="name") == first
    assert ledger.length(any_store, "delay") == 2


def test_racing_writers_make_one_unbroken_chain(any_store: Store) -> None:
    """No entry is lost or doubled, and the chain holds."""

    def write(writer: int) -> list[int]:
        facts: list[dict[str, Any]] = [{"name": f"{writer}-{n}"} for n in range(4)]
        return [ledger.enter(any_store, "delay", fact, unique="name") for fact in facts]

    numbers = race([partial(write, writer) for writer in range(5)])
    assert not [found for found in numbers if isinstance(found, Exception)]
    assert sorted(itertools.chain(*numbers)) == [*range(1, 21)]
    assert ledger.verify(any_store, "delay") == []


def test_racing_writers_of_one_fact_enter_it_once(any_store: Store) -> None:
    """All of them get the same number."""
    enter = partial(ledger.enter, any_store, "delay", {"name": "a"}, unique="name")
    assert race([enter] * 6) == [1] * 6


def test_entering_reads_the_head_and_nothing_older() -> None:
    """Apart from one listing, the cost does not grow with the chain."""
    reads: list[str] = []

    class Counting(MemoryStore):
        def read(self, key: str) -> bytes:
            reads.append(key)
            return super().read(key)

    store = Counting()
    for number in range(50):
        ledger.enter(store, "delay", {"name": number})
    reads.clear()
    ledger.enter(store, "delay", {"name": "new"}, unique="name", after=50)
    assert reads == ["ledger/delay/00000050.json"]


def test_a_chain_with_a_gap_can_still_grow(any_store: Store) -> None:
    """A removed entry is a finding and does not stop later entries."""
    for name in "abc":
        ledger.enter(any_store, "delay", {"name": name})
    any_store.delete("ledger/delay/00000002.json")
    any_store.write("ledger/delay/00000003.json", b"no JSON")
    assert ledger.enter(any_store, "delay", {"name": "d"}, unique="name") == 4
    problems = [(found.key[-7:], found.problem) for found in ledger.verify(any_store, "delay")]
    assert problems == [("02.json", "is missing"), ("03.json", "does not hold an entry")]


def test_a_changed_or_removed_record_is_found(any_store: Store) -> None:
    """The ledger holds the hash of every run record."""
    refs = [RunRef("delay", f"request-00000{number}", "gate") for number in (1, 2, 3)]
    for ref in refs:
        perform(RunContext(any_store, {}), ref, lambda _: Verdict("refuse", "Worse."), inputs={})
    assert ledger.verify(any_store, "delay") == []
    record = json.loads(any_store.read(refs[0].key))
    record["verdict"]["action"] = "promote"
    any_store.write(refs[0].key, encode(record))
    any_store.delete(refs[2].key)
    assert [found.problem for found in ledger.verify(any_store, "delay")] == [
        f"its record {refs[0].key} was changed",
        f"its record {refs[2].key} is missing",
    ]


def _chain(length: int) -> tuple[MemoryStore, ledger.Head]:
    store = MemoryStore()
    for number in range(length):
        ledger.enter(store, "delay", {"what": number, "by": "ann"})
    return store, ledger.head(store, "delay")


@given(length=st.integers(1, 8), later=st.integers(0, 3), data=st.data())
def test_no_change_before_the_anchor_goes_unseen(
    length: int, later: int, data: st.DataObject
) -> None:
    """Edits of any byte, removals, swaps, copies and cuts of anchored entries are found."""
    store, anchor = _chain(length)
    for number in range(later):
        ledger.enter(store, "delay", {"later": number})
    assert ledger.verify(store, "delay", anchor=anchor) == []
    before = {key: store.read(key) for key in _keys(store)}
    victim = data.draw(st.sampled_from(sorted(before)[:length]))
    change = data.draw(st.sampled_from([_edit, _remove, _swap, _cut]))
    change(store, victim, data)
    assume({key: store.read(key) for key in _keys(store)} != before)
    assert ledger.verify(store, "delay", anchor=anchor)


def _edit(store: Store, victim: str, data: st.DataObject) -> None:
    text = bytearray(store.read(victim))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    store.write(victim, bytes(text))


def _remove(store: Store, victim: str, data: st.DataObject) -> None:
    del data
    store.delete(victim)


def _swap(store: Store, victim: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(_keys(store)))
    ours, theirs = store.read(victim), store.read(other)
    store.write(victim, theirs)
    store.write(other, ours)


def _cut(store: Store, victim: str, data: st.DataObject) -> None:
    del data
    for key in _keys(store):
        if key >= victim:
            store.delete(key)


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda fact: fact | {"by": "eve"}, "differs from the head anchored outside the store"),
        (lambda fact: fact, None),
    ],
)
def test_a_chain_forged_to_its_end_differs_from_the_anchor(
    tamper: Callable[[dict[str, Any]], dict[str, Any]], problem: str | None
) -> None:
    """Rehashing everything after an edit makes a whole chain, but not the anchored one."""
    store, anchor = _chain(4)
    previous = ledger.FIRST_PREVIOUS
    for key, entry in zip(_keys(store), ledger.read(store, "delay"), strict=True):
        forged = encode(entry | {"fact": tamper(entry["fact"]), "previous": previous})
        previous = digest(forged)
        store.write(key, forged)
    assert ledger.verify(store, "delay") == []
    found = [one.problem for one in ledger.verify(store, "delay", anchor=anchor)]
    assert found == ([] if problem is None else [problem])


def test_a_foreign_object_in_the_chain_is_found(any_store: Store) -> None:
    """Only numbered entries belong there."""
    ledger.enter(any_store, "delay", {})
    any_store.write("ledger/delay/00000001.json.bak", b"{}")
    assert [found.problem for found in ledger.verify(any_store, "delay")] == [
        "is not an entry, or lies beyond the end of the chain"
    ]


def test_an_entry_moved_from_another_subject_is_found(any_store: Store) -> None:
    """A chain copied as a whole is recognised as another subject's."""
    ledger.enter(any_store, "other", {})
    any_store.write("ledger/delay/00000001.json", any_store.read("ledger/other/00000001.json"))
    assert [found.problem for found in ledger.verify(any_store, "delay")] == [
        "holds entry 1 of other"
    ]
