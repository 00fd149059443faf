"""What the ledger of a model knows of its versions, from entries whose records are unchanged."""

from __future__ import annotations

import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest

from slipway.errors import Tampered
from slipway.records import ledger
from slipway.records.entered_versions import (
    KEEP,
    KEPT_AFTER,
    find_kept_problems,
    newest_unchanged,
    read_entered,
    require_unchanged,
)
from slipway.records.idempotent_stage import perform
from slipway.records.ledger_facts import EnteredVersions
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store, digest, encode, read_json
from slipway.records.verdicts import Verdict
from slipway.records.version_numbers import take_number
from tests.fakes.memory_store import MemoryStore
from tests.support.promotions import promoted, registered

MODEL = "delay"
FIRST, SECOND, OTHER = "a" * 64, "b" * 64, "c" * 64
KEPT, PROMOTION = f"entered/{MODEL}.json", "promote_champion"
AT = "2026-03-01T00:00:00+00:00"


@pytest.fixture
def store() -> Store:
    """Version 1 is champion; 2 came by `bring`."""
    made = MemoryStore()
    registered(made, MODEL, 1, sha256=FIRST)
    promoted(made, MODEL, 1, sha256=FIRST)
    registered(made, MODEL, 2, sha256=SECOND, stage="bring")
    return made


def entered(store: Store) -> EnteredVersions:
    """What the ledger says, each fact with its entry and record unchanged."""
    found = read_entered(store, MODEL)
    for fact in found.facts:
        require_unchanged(store, found, fact)
    return found


def pad(store: Store, entries: int) -> None:
    """Enter facts that are about no version."""
    head = ledger.head(store, MODEL)
    previous = head.sha256
    for number in range(head.sequence + 1, head.sequence + entries + 1):
        fact = {"stage": "operations", "numbers": {"n": number}}
        whole = {"sequence": number, "subject": MODEL, "at": AT, "fact": fact, "previous": previous}
        entry = encode(whole)
        store.create(ledger.entry_key(MODEL, number), entry)
        previous = digest(entry)


def test_registrations_and_promotions_are_known(store: Store) -> None:
    """By training and by `bring`; a number belongs to its own bytes."""
    found = entered(store)
    assert (found.champion and found.champion.version) == 1
    assert (found.challenger and found.challenger.sha256) == SECOND
    for version, sha256 in ((1, FIRST), (2, SECOND), (9, SECOND)):
        assert found.naming(version, sha256) is not None
    for version, sha256 in ((1, SECOND), (2, FIRST), (1, OTHER), (9, OTHER), (1, None), (9, None)):
        assert found.naming(version, sha256) is None


def test_an_unknown_model_has_no_versions(store: Store) -> None:
    """Neither has a model whose ledger was deleted."""
    for found in (read_entered(store, "other"), EnteredVersions(MODEL)):
        assert (found.champion, found.challenger, found.previous) == (None, None, None)
        assert found.naming(1, FIRST) is None


def test_a_promoted_challenger_waits_no_more(store: Store) -> None:
    """Also after it was rolled back; the way back is the champion before."""
    numbers = {"version": 2, "before": 1, "action": "roll_out", "previous": 1}
    _promotion(store, numbers, run="rollout-000002")
    found = entered(store)
    assert (found.challenger, found.previous and found.previous.version) == (None, 1)
    assert found.was_champion(2, SECOND)
    back = {"version": 1, "before": 2, "action": "roll_back", "rolled_back": 2}
    _promotion(store, back, run="rollout-000003")
    found = entered(store)
    assert (found.champion and found.champion.version, found.challenger) == (1, None)
    assert (found.previous, found.was_champion(2, SECOND)) == (None, False)


def test_a_repair_keeps_the_way_back(store: Store) -> None:
    """It confirms the champion, and moves no other alias."""
    numbers = {"version": 2, "before": 1, "action": "roll_out", "previous": 1}
    _promotion(store, numbers, run="rollout-000002")
    repaired = {"version": 2, "before": 2, "action": "repair", "previous": None}
    _promotion(store, repaired, run="rollout-000003")
    previous = entered(store).previous
    assert previous is not None
    assert previous.version == 1


def test_a_promotion_of_an_earlier_release_names_its_bytes_by_its_plan() -> None:
    """It had no digest of its own: a version by hand that was rolled out by its number."""
    store = MemoryStore()
    plan = Verdict("roll_out", "Asked for.", {"version": 7, "digest": OTHER})
    ref = RunRef(MODEL, "rollout-000007", "reconcile")
    perform(RunContext(store, {}), ref, lambda _: plan, inputs={})
    promoted(store, MODEL, 7)
    found = entered(store)
    assert found.naming(7, OTHER) is not None
    assert found.naming(7, FIRST) is None


def test_a_promotion_without_any_digest_counts_by_the_number_that_was_given() -> None:
    """Its release knew no digests; only where none is known does the number alone count."""
    store = MemoryStore()
    promoted(store, MODEL, 7)
    assert entered(store).naming(7, OTHER) is not None
    take_number(store, MODEL, 7, sha256=FIRST)
    found = entered(store)
    assert found.naming(7, FIRST) is not None
    assert found.naming(7, OTHER) is None


def test_an_edited_record_does_not_count(store: Store) -> None:
    """The entry holds its digest, whatever the record says now."""
    key = f"runs/{MODEL}/request-000001/promote_challenger/record.json"
    record = read_json(store, key)
    record["verdict"]["evidence"]["manifest_sha256"] = OTHER
    store.write(key, encode(record))
    found = read_entered(store, MODEL)
    [fact] = [one for one in found.facts if one.sha256 == OTHER]
    with pytest.raises(Tampered, match="was changed after it was entered") as raised:
        require_unchanged(store, found, fact)
    assert raised.value.found == "another record than entry 1 names"


def test_an_edited_entry_does_not_count(store: Store) -> None:
    """The next entry holds its digest."""
    entry = read_json(store, ledger.entry_key(MODEL, 2))
    entry["fact"]["numbers"]["version"] = 2
    store.write(ledger.entry_key(MODEL, 2), encode(entry))
    found = read_entered(store, MODEL)
    assert found.champion is not None
    with pytest.raises(Tampered, match=r"ledger/delay/00000002\.json was changed"):
        require_unchanged(store, found, found.champion)


def kept_of(store: Store) -> dict[str, Any]:
    """What was kept of a ledger that is long enough."""
    pad(store, KEPT_AFTER)
    read_entered(store, MODEL)
    kept: dict[str, Any] = read_json(store, KEPT)
    return kept


def without_promotion(kept: dict[str, Any]) -> bytes:
    """What was kept, with the promotion of version 1 left out."""
    return encode({**kept, "facts": [one for one in kept["facts"] if one[1] != PROMOTION]})


def with_other_digest(kept: dict[str, Any]) -> bytes:
    """What was kept, with other bytes under the first number."""
    kept["facts"][0][5] = OTHER
    return encode(kept)


@pytest.mark.parametrize("edit", [without_promotion, with_other_digest])
def test_a_summary_that_was_edited_is_not_used(
    store: Store, edit: Callable[[dict[str, Any]], bytes]
) -> None:
    """An entry has its digest: what leaves a promotion out moves no champion, and is named."""
    kept = kept_of(store)
    before = read_entered(store, MODEL)
    assert find_kept_problems(store, MODEL) == []
    store.write(KEPT, edit(kept))
    [found] = find_kept_problems(store, MODEL)
    assert found.key == KEPT
    assert read_entered(store, MODEL).facts == before.facts
    assert find_kept_problems(store, MODEL) == []


def test_a_summary_with_a_forged_entry_is_named(store: Store) -> None:
    """Where the entry with its digest is forged too, its content differs from the entries."""
    data = without_promotion(kept_of(store))
    store.write(KEPT, data)
    ledger.enter(store, MODEL, {"stage": KEEP, "action": "kept", "sha256": digest(data)})
    assert [one.key for one in find_kept_problems(store, MODEL)] == [KEPT]


@pytest.mark.parametrize("kind", ["removed", "replaced"])
def test_a_promotion_that_is_taken_out_moves_no_champion(store: Store, kind: str) -> None:
    """Its place in the chain is a damaged entry, as of one that cannot be read."""
    promoted(store, MODEL, 2, sha256=SECOND)
    registered(store, MODEL, 3, sha256=OTHER)
    key = ledger.entry_key(MODEL, 4)
    harmless = {**read_json(store, key), "fact": {"stage": "operations"}}
    store.delete(key) if kind == "removed" else store.write(key, encode(harmless))
    found = read_entered(store, MODEL)
    assert found.length == 5
    with pytest.raises(Tampered, match=r"ledger/delay/00000004\.json was changed"):
        newest_unchanged(store, found, attrgetter("champion"))
    assert found.challenger is not None
    assert found.challenger.version == 3


def test_a_restored_entry_counts_again(store: Store) -> None:
    """What was read of a damaged one is not kept."""
    key = ledger.entry_key(MODEL, 2)
    entry = store.read(key)
    store.write(key, b"garbage")
    pad(store, KEPT_AFTER)
    read_entered(store, MODEL)
    store.write(key, entry)
    champion = entered(store).champion
    assert champion is not None
    assert champion.version == 1


@pytest.mark.parametrize("damage", [b"garbage", b"[]", b"{}", b'{"facts": [[1]], "length": 3}'])
def test_a_damaged_summary_is_read_anew(store: Store, damage: bytes) -> None:
    """From the entries."""
    pad(store, KEPT_AFTER)
    before = read_entered(store, MODEL)
    store.write(KEPT, damage)
    found = read_entered(store, MODEL)
    assert (found.facts, found.length) == (before.facts, before.length + 1)


def test_a_summary_of_another_chain_is_read_anew(store: Store) -> None:
    """As of a store that was restored from a backup, whose chain goes on otherwise."""
    pad(store, KEPT_AFTER)
    read_entered(store, MODEL)
    for entry in store.list(f"ledger/{MODEL}")[3:]:
        store.delete(entry.key)
    registered(store, MODEL, 3, sha256=OTHER)
    found = entered(store)
    assert (found.length, found.challenger and found.challenger.version) == (4, 3)


def test_a_damaged_record_names_no_bytes(store: Store) -> None:
    """Its version stays champion, so that no older one takes its place, and is refused."""
    store.write(f"runs/{MODEL}/rollout-000001/promote_champion/record.json", b"garbage")
    found = read_entered(store, MODEL)
    assert found.champion is not None
    assert (found.champion.version, found.champion.sha256) == (1, None)
    with pytest.raises(Tampered, match=r"promote_champion/record\.json was changed"):
        require_unchanged(store, found, found.champion)


@pytest.mark.parametrize("damage", [b"garbage", b"[]", b"{}", b'{"fact": []}'])
def test_a_damaged_entry_may_be_about_any_version(store: Store, damage: bytes) -> None:
    """So nothing before it is champion or challenger; what it does not name is known."""
    store.write(ledger.entry_key(MODEL, 3), damage)
    found = read_entered(store, MODEL)
    assert found.naming(1, FIRST) is not None
    assert found.naming(2, SECOND) is None
    for fact in (found.champion, found.challenger):
        assert fact is not None
        with pytest.raises(Tampered, match=r"ledger/delay/00000003\.json was changed") as raised:
            require_unchanged(store, found, fact)
        assert raised.value.found == "no entry about a version"


def test_a_long_ledger_is_read_once(store: Store) -> None:
    """After 5,000 entries a read costs what is new, not the chain; in a process not its listing."""
    pad(store, 5000)
    known = read_entered(store, MODEL)
    registered(store, MODEL, 3, sha256=OTHER)
    began = time.perf_counter()
    found = read_entered(store, MODEL)
    assert found.length == 5005
    assert read_entered(store, MODEL, known=known) == found
    assert time.perf_counter() - began < 0.1


def _promotion(store: Store, numbers: dict[str, int | str | None], *, run: str) -> None:
    sha256 = {1: FIRST, 2: SECOND}[int(numbers["version"] or 0)]
    verdict = Verdict("promoted", "Served.", numbers, {"manifest_sha256": sha256})
    ref = RunRef(MODEL, run, "promote_champion")
    perform(RunContext(store, {}), ref, lambda _: verdict, inputs={})
