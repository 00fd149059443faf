"""Stores that share one MLflow hold their ledgers against their own anchors, not each other's."""

from __future__ import annotations

import pytest

from slipway.errors import Tampered
from slipway.records import ledger
from slipway.records.run_context import RunContext
from slipway.records.store import Store
from slipway.records.store_identity import KEY, store_identity
from slipway.stages.model.accept_ledger import accept_ledger
from slipway.stages.model.ledger_anchors import anchor_ledgers
from slipway.stages.model.own_anchors import own_anchors
from slipway.stages.ports.registry import Anchor
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout_registry import FakeRegistry

DATA, OURS, THEIRS = "flights", "delay", "their_delay"


class TwoModels(FakeRegistry):
    """A registry in which the dataset is no registered model."""

    def exists(self, model: str) -> bool:
        """Whether there is such a model."""
        return model in {OURS, THEIRS}


Shared = tuple[Store, Store, FakeRegistry]


def store_of(model: str, *, entries: int = 2) -> Store:
    """A store with ledgers of a dataset and a model."""
    store = MemoryStore()
    for subject in (DATA, model):
        for number in range(entries):
            ledger.enter(store, subject, {"stage": f"{model} {number}"})
    return store


@pytest.fixture
def shared() -> Shared:
    """Two stores with one dataset's name, whose models are anchored in one registry."""
    ours, theirs, registry = store_of(OURS), store_of(THEIRS, entries=5), TwoModels()
    anchor_ledgers(theirs, registry, THEIRS, dataset=DATA)
    anchor_ledgers(ours, registry, OURS, dataset=DATA)
    return ours, theirs, registry


def test_a_dataset_of_one_name_in_two_stores_stops_neither(shared: Shared) -> None:
    """Each goes on over its own anchor."""
    ours, theirs, registry = shared
    for store, model in ((ours, OURS), (theirs, THEIRS)):
        ledger.enter(store, DATA, {"stage": "ingest"})
        anchor_ledgers(store, registry, model, dataset=DATA)
        anchors, exchanged = own_anchors(store, DATA, registry.list_anchors(), models=[model])
        assert anchors == [Anchor(DATA, model, ledger.head(store, DATA), store_identity(store))]
        assert exchanged == []


def test_two_stores_do_not_promote_one_model() -> None:
    """Both would move one alias."""
    registry = TwoModels()
    theirs = store_of(OURS)
    anchor_ledgers(theirs, registry, OURS)
    with pytest.raises(Tampered) as refused:
        anchor_ledgers(store_of(OURS), registry, OURS)
    assert "two stores cannot promote one model" in refused.value.found
    assert "another name or an MLflow of its own" in str(refused.value)
    assert store_identity(theirs)[:8] in refused.value.found
    assert {one.store for one in registry.list_anchors()} == {store_identity(theirs)}


@pytest.mark.parametrize("subject", [DATA, OURS])
@pytest.mark.parametrize("gets_another", [False, True])
def test_a_store_with_another_identity_does_not_escape_its_anchors(
    shared: Shared, subject: str, *, gets_another: bool
) -> None:
    """Write access to it is enough to delete or exchange the identity, and a ledger with it."""
    ours, _, registry = shared
    for number in ledger.numbers(ours, subject):
        ours.delete(ledger.entry_key(subject, number))
    ours.delete(KEY)
    if gets_another:
        store_identity(ours)
    before = registry.list_anchors()
    with pytest.raises(Tampered, match="does not continue what was anchored"):
        anchor_ledgers(ours, registry, OURS, dataset=DATA)
    assert registry.list_anchors() == before


def test_an_anchor_from_before_stores_had_an_identity_counts() -> None:
    """The next one names the store."""
    store, registry = store_of(OURS), TwoModels()
    registry.anchor(Anchor(OURS, OURS, ledger.head(store, OURS)))
    ledger.enter(store, OURS, {"stage": "later"})
    anchor_ledgers(store, registry, OURS)
    (kept,) = registry.list_anchors()
    assert (kept.head.sequence, kept.store) == (3, store_identity(store))
    registry.replace_anchor(Anchor(OURS, OURS, ledger.Head(9, "a" * 64)))
    with pytest.raises(Tampered):
        anchor_ledgers(store, registry, OURS)


def test_an_acceptance_leaves_the_anchors_of_other_stores(shared: Shared) -> None:
    """And takes a new identity for this store's models, as where a store was made anew."""
    ours, theirs, registry = shared
    ours.delete(KEY)
    context = RunContext(ours, {"by": "ann"})
    for subject in (DATA, OURS):
        accept_ledger(subject, reason="Made anew.", context=context, registry=registry)
    anchor_ledgers(ours, registry, OURS, dataset=DATA)
    anchor_ledgers(theirs, registry, THEIRS, dataset=DATA)
    found = {(one.subject, one.model): one.store for one in registry.list_anchors()}
    us, them = store_identity(ours), store_identity(theirs)
    assert found == {
        (DATA, OURS): us,
        (OURS, OURS): us,
        (DATA, THEIRS): them,
        (THEIRS, THEIRS): them,
    }
