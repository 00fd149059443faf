"""An anchor is moved on only over a ledger that continues what was anchored."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from slipway.errors import BadParameter, Tampered
from slipway.records import ledger
from slipway.records.entry_checks import ACCEPT
from slipway.records.run_context import RunContext
from slipway.records.store import Store, digest, encode
from slipway.records.store_identity import store_identity
from slipway.stages.model.accept_ledger import accept_ledger
from slipway.stages.model.ledger_anchors import anchor_ledgers
from slipway.stages.ports.registry import Anchor
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout_registry import FakeRegistry
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv

DATA = "flights"


def enter(store: Store, subject: str, *names: str) -> None:
    """Enter facts."""
    for name in names:
        ledger.enter(store, subject, {"stage": name})


def rewrite(store: Store, subject: str, *, sequence: int) -> None:
    """Edit an entry and chain all after it anew, as with access to the store alone."""
    previous = ledger.FIRST_PREVIOUS
    for number in ledger.numbers(store, subject):
        key = ledger.entry_key(subject, number)
        entry = json.loads(store.read(key)) | {"previous": previous}
        if number == sequence:
            entry["fact"] = {**entry["fact"], "stage": "forged"}
        store.write(key, encode(entry))
        previous = digest(encode(entry))


def cut(store: Store, subject: str, *, sequence: int) -> None:
    """Remove an entry and all after it."""
    for number in ledger.numbers(store, subject)[sequence - 1 :]:
        store.delete(ledger.entry_key(subject, number))


def unlink(store: Store, subject: str, *, sequence: int) -> None:
    """Edit an entry and leave those after it."""
    key = ledger.entry_key(subject, sequence)
    entry = json.loads(store.read(key))
    store.write(key, encode({**entry, "at": "2026-01-01T00:00:00+00:00"}))


@pytest.mark.parametrize("subject", [MODEL, DATA])
@pytest.mark.parametrize(
    ("tamper", "sequence"), [(rewrite, 2), (rewrite, 3), (cut, 3), (cut, 1), (unlink, 4)]
)
def test_an_edited_ledger_is_not_laundered_by_the_next_anchor(
    subject: str, tamper: Callable[..., None], sequence: int
) -> None:
    """Neither a model's nor its dataset's; every anchor stays."""
    store, registry = MemoryStore(), FakeRegistry()
    enter(store, MODEL, "a", "b", "c")
    enter(store, DATA, "a", "b", "c")
    anchor_ledgers(store, registry, MODEL, dataset=DATA)
    before = registry.list_anchors()
    enter(store, subject, "d", "e")
    tamper(store, subject, sequence=sequence)
    with pytest.raises(Tampered, match=f"ledger of {subject} does not continue"):
        anchor_ledgers(store, registry, MODEL, dataset=DATA)
    assert registry.list_anchors() == before


def test_the_anchor_of_any_model_guards_the_dataset() -> None:
    """A model that begins to use it does not launder it."""
    store, registry = MemoryStore(), FakeRegistry()
    enter(store, DATA, "a", "b")
    anchor_ledgers(store, registry, "another", dataset=DATA)
    rewrite(store, DATA, sequence=1)
    with pytest.raises(Tampered):
        anchor_ledgers(store, registry, MODEL, dataset=DATA)


def test_anchoring_reads_only_what_is_new() -> None:
    """The anchored entry, and those after it."""
    reads: list[str] = []

    class Counting(MemoryStore):
        def read(self, key: str) -> bytes:
            reads.append(key)
            return super().read(key)

    store, registry = Counting(), FakeRegistry()
    enter(store, MODEL, *map(str, range(50)))
    anchor_ledgers(store, registry, MODEL)
    enter(store, MODEL, "new")
    reads.clear()
    anchor_ledgers(store, registry, MODEL)
    assert [key[-7:-5] for key in reads if key.startswith("ledger/")] == ["50", "51"]


def test_a_rollout_in_progress_ends_and_says_that_nothing_is_anchored() -> None:
    """The version serves and is champion; the old anchor stays."""
    env = RolloutEnv()
    env.registry.aliases["challenger"] = 3
    assert env.roll() == STEPPED
    anchored = env.registry.anchored(MODEL)
    env.registry.aliases["challenger"] = 2
    run = env.reconcile("2", holder="run-2").ref.run
    rewrite(env.store, MODEL, sequence=1)
    env.verify(run)
    for step in env.spec.deployment.shift.steps:
        env.shift(run, step)
    env.switch(run)
    promoted = env.promote(run).verdict
    assert promoted.action == "promoted"
    assert "Nothing is anchored: the ledger of delay does not continue" in promoted.reason
    assert (env.served(), env.is_free()) == (2, True)
    assert env.registry.anchored(MODEL) == anchored


def test_a_restored_backup_is_accepted_by_a_person() -> None:
    """Who and why is an entry; the models that keep the dataset's head keep the new one."""
    store, registry = MemoryStore(), FakeRegistry()
    enter(store, DATA, "a", "b", "c", "d")
    anchor_ledgers(store, registry, MODEL, dataset=DATA)
    cut(store, DATA, sequence=3)
    context = RunContext(store, {"by": "ann"})
    record = accept_ledger(DATA, reason="Backup of Monday.", context=context, registry=registry)
    assert "ledger/flights ends before entry 4" in record.verdict.reason
    newest = ledger.read(store, DATA)[-1]["fact"]
    assert (newest["stage"], newest["origin"]) == (ACCEPT, {"by": "ann"})
    head = Anchor(DATA, MODEL, ledger.head(store, DATA), store_identity(store))
    assert head in registry.list_anchors()
    anchor_ledgers(store, registry, MODEL, dataset=DATA)
    with pytest.raises(BadParameter, match="nothing to accept"):
        accept_ledger(DATA, reason="Again.", context=context, registry=registry)


def test_an_accepted_break_before_the_first_anchor_stops_no_first_promotion() -> None:
    """Without an anchor the whole chain is read, and what a person accepted counts."""
    store, registry = MemoryStore(), FakeRegistry()
    enter(store, DATA, "a", "b", "c")
    unlink(store, DATA, sequence=2)
    with pytest.raises(Tampered):
        anchor_ledgers(store, registry, MODEL, dataset=DATA)
    context = RunContext(store, {"by": "ann"})
    registry.exists = lambda _: False  # type: ignore[method-assign,assignment,misc]
    accept_ledger(DATA, reason="A disk failed.", context=context, registry=registry)
    anchor_ledgers(store, registry, MODEL, dataset=DATA)
    assert {found.key for found in ledger.verify(store, DATA)} == {
        ledger.entry_key(DATA, 2),
        ledger.entry_key(DATA, 3),
    }


def test_a_clock_that_runs_backwards_is_named() -> None:
    """A few minutes are the difference of two machines."""
    store = MemoryStore()
    enter(store, MODEL, "a", "b")
    key = ledger.entry_key(MODEL, 2)
    entry = json.loads(store.read(key))
    store.write(key, encode({**entry, "at": "2020-01-01T00:00:00+00:00"}))
    [found] = ledger.verify(store, MODEL)
    assert (found.key, "s before the entry that it follows" in found.problem) == (key, True)
