"""A stray number far ahead is neither the newest nor in the way, wherever objects are numbered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.records import ledger, requests
from slipway.records.arrivals import newest_registration, register
from slipway.records.attempts import begin_attempt, count_attempts
from slipway.records.delivery_order import number_of
from slipway.records.desired_state import newest_desired
from slipway.records.kept_specs import keep_specs, kept_specs
from slipway.records.landing_area import Delivery
from slipway.records.leases import acquire, check, find_lease, rollout_lease
from slipway.records.run_records import RunRef
from slipway.records.store import MOST_MISSING, Store, newest_number, reached_numbers
from slipway.records.version_numbers import greatest_number, take_number
from slipway.records.write_state import write_desired
from tests.fakes.memory_store import MemoryStore
from tests.support.rollout_env import DATASET, MODEL, SPEC

REF = RunRef(MODEL, "request-000001", "train")
JUNK = b'{"forged":true}'


def _delivery(batch: str, tag: str) -> Delivery:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Delivery("flights", "features", batch, f"landing/{batch}", ".csv", 1, at, tag)


def _file(store: Store, unique: str) -> int:
    return requests.file_request(
        store, MODEL, kind="person", reason="r", at="2026", by="ann", unique=unique
    ).number


def _register(store: Store, tag: str) -> int:
    newest = newest_registration(store, "flights", "features", "b")
    number = newest.revision + 1 if newest else 1
    register(store, _delivery("b", tag), revision=number, sha256=tag, action="revised")
    return number


def _acquire(store: Store, holder: str) -> int:
    lease = acquire(store, MODEL, holder=holder, seconds=-1)
    check(store, lease)
    return lease.number


def _keep(store: Store, target: str) -> int:
    keep_specs(store, SPEC.model_copy(update={"target": target}), DATASET)
    kept = kept_specs(store, MODEL)
    assert kept is not None
    assert kept.model.target == target
    return newest_number(store, f"specs/{MODEL}", digits=6)


def _attempt(store: Store, _: str) -> int:
    attempt = begin_attempt(store, REF, inputs={}, origin={})
    attempt.check()
    return attempt.number


def _state(store: Store, warm: str) -> int:
    acquire(store, rollout_lease(MODEL), holder="run-1", seconds=60)
    written = write_desired(store, MODEL, weights={2: 1.0}, keep=[int(warm, 36)], token=1)
    assert newest_desired(store, MODEL) == written
    return written.generation


@dataclass(frozen=True)
class Kind:
    """A kind of numbered object: where a stray one lies, and how the next one is made."""

    stray: str
    add: Callable[[Store, str], int]


KINDS = {
    "entry": Kind(
        f"ledger/{MODEL}/99999999.json", lambda s, name: ledger.enter(s, MODEL, {name: 1})
    ),
    "state": Kind(f"platform/{MODEL}/99999999.json", _state),
    "lease": Kind(f"leases/{MODEL}/99999999.json", _acquire),
    "attempt": Kind(f"{REF.folder}/attempt-9999.json", _attempt),
    "request": Kind(f"requests/{MODEL}/999999.json", _file),
    "specs": Kind(f"specs/{MODEL}/999999.json", _keep),
    "order": Kind(
        "order/flights/99999999.json", lambda s, name: number_of(s, _delivery(name, name * 12))
    ),
    "revision": Kind("arrivals/flights/features/b/r9999-abcabcabcabc.json", _register),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stray_number_far_ahead_neither_counts_nor_blocks(kind: str) -> None:
    """The next object has the number after the newest that was reached one by one."""
    store, made = MemoryStore(), KINDS[kind]
    assert [made.add(store, name) for name in "ab"] == [1, 2]
    store.write(made.stray, JUNK)
    assert [made.add(store, name) for name in "cd"] == [3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_in_another_spelling_is_none(kind: str) -> None:
    """Only the padded spelling is ever read."""
    store, made = MemoryStore(), KINDS[kind]
    assert made.add(store, "a") == 1
    store.write(made.stray.replace("9999", "", 1).replace("9999", "9"), JUNK)
    assert made.add(store, "b") == 2


def test_a_stray_entry_is_named_and_not_read() -> None:
    """`verify` names it in one line, and readers pass over it."""
    store = MemoryStore()
    ledger.enter(store, MODEL, {"stage": "gate"})
    stray = f"ledger/{MODEL}/99999999.json"
    store.write(stray, JUNK)
    assert [entry["sequence"] for entry in ledger.read(store, MODEL)] == [1]
    assert [entry["sequence"] for entry in ledger.newest_first(store, MODEL)] == [1]
    assert [found.key for found in ledger.verify(store, MODEL)] == [stray]


def test_a_stray_attempt_supersedes_none() -> None:
    """The attempt that runs may still commit."""
    store = MemoryStore()
    attempt = begin_attempt(store, REF, inputs={}, origin={})
    store.write(f"{REF.folder}/attempt-9999.json", JUNK)
    attempt.check()
    assert count_attempts(store, REF) == 1


def test_a_stray_lease_fences_none() -> None:
    """The holder may still act."""
    store = MemoryStore()
    lease = acquire(store, MODEL, holder="run-1", seconds=60)
    store.write(f"leases/{MODEL}/99999999.json", JUNK)
    check(store, lease)
    assert find_lease(store, MODEL) == lease


def test_a_stray_number_of_a_version_uses_up_none() -> None:
    """Without it a registration would create as many placeholders in MLflow."""
    store = MemoryStore()
    assert take_number(store, MODEL, 3, sha256="a" * 64)
    store.write(f"numbers/{MODEL}/99999999.json", b'{"digest":null}')
    assert greatest_number(store, MODEL) == 3
    # Numbers of hand-made versions leave gaps, and what the ledger has counts however far it is.
    assert take_number(store, MODEL, 400, sha256="b" * 64)
    assert greatest_number(store, MODEL) == 400
    ledger.enter(store, MODEL, {"numbers": {"version": 5000}})
    assert greatest_number(store, MODEL) == 5000


@given(st.lists(st.integers(1, 60), unique=True).map(sorted), st.integers(0, MOST_MISSING + 3))
def test_reached_numbers_have_no_wide_gap(numbers: Sequence[int], most: int) -> None:
    """They are a beginning of the list, and end only before a gap that is too wide."""
    reached = reached_numbers(numbers, most_missing=most)
    assert reached == numbers[: len(reached)]
    steps = [later - earlier for earlier, later in zip([0, *reached], reached, strict=False)]
    assert all(step <= most + 1 for step in steps)
    if len(reached) < len(numbers):
        assert numbers[len(reached)] > (reached[-1] if reached else 0) + most + 1
