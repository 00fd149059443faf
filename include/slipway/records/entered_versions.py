"""Read which versions of a model its ledger knows: registered, judged by rollouts, made champion.

The ledger is the root of trust for versions: the model registry only says where bytes are. What is
read once is kept under `entered/<model>.json`, so a read costs the newest entries alone. The kept
object counts only if a later entry of the chain has its digest, and it only finds entries:
`require_unchanged` compares entry and record before one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from typing import Any

from slipway.errors import BadParameter, NotFound, StoreUnavailable, Tampered
from slipway.records import ledger
from slipway.records.champion_history import PROMOTED, REGISTERED, kind_of_fact
from slipway.records.entry_checks import ACCEPT, fact_of, parse_entry
from slipway.records.ledger import FIRST_PREVIOUS, Break, entry_key
from slipway.records.ledger_facts import DAMAGED, NAMING, EnteredVersions, VersionFact
from slipway.records.store import Store, digest, encode, find_json, parse_json
from slipway.records.version_numbers import find_holder

FOLDER = "entered"
KEPT_AFTER = 32
"""So many new entries are read before what was read is kept."""

KEEP = "keep_versions"
"""Stage of the entry that has the digest of what was kept."""

ROLLOUT_STAGES = frozenset({"reconcile", "verify", "switch", "take_back"})
STEP_PREFIX = "shift_"


def read_entered(
    store: Store, model: str, *, known: EnteredVersions | None = None
) -> EnteredVersions:
    """Return what the ledger of a model says about its versions.

    Args:
        store: Store of the ledger.
        model: Name of the model.
        known: What this process read before: a read then costs the entries since, and no listing.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    if known is not None and _is_settled(known) and _has_head(store, known):
        length = known.length
        while store.exists(entry_key(model, length + 1)):
            length += 1
        return _read_on(store, known, length)[0]
    length = ledger.length(store, model)
    kept, sha256 = _kept(store, model) if length > KEPT_AFTER else (_nothing(model), None)
    found, is_kept_entered = _read_on(store, kept, length, sha256=sha256)
    if kept.length and not is_kept_entered:
        kept = _nothing(model)
        found, _ = _read_on(store, kept, length)
    if found.length - kept.length >= KEPT_AFTER and _is_settled(found):
        # A reader without the right to write reads the same entries again.
        with suppress(StoreUnavailable):
            _keep(store, found)
    return found


def find_kept_problems(store: Store, model: str) -> list[Break]:
    """Return that what was kept of a model's ledger differs from its entries; reads all of them."""
    key = _key(model)
    if not store.exists(key):
        return []
    kept, _ = _kept(store, model)
    true, _ = _read_on(store, _nothing(model), ledger.length(store, model))
    if kept.length and kept.facts == tuple(
        one for one in true.facts if one.sequence <= kept.length
    ):
        return []
    return [Break(key, "differs from what the entries of the ledger say about versions")]


def require_unchanged(store: Store, entered: EnteredVersions, fact: VersionFact) -> None:
    """Raise unless an entry about a version, its place in the chain and its record are unchanged.

    Args:
        store: Store of the ledger.
        entered: What was read of it.
        fact: One of its facts.

    Raises:
        Tampered: The entry or its record was changed.
    """
    earlier = entered.facts[: entered.facts.index(fact)]
    for number in sorted({fact.sequence, fact.source or fact.sequence}):
        key = entry_key(entered.model, number)
        data = _find(store, key)
        follower = _find(store, entry_key(entered.model, number + 1))
        said = None if data is None else _fact_of(store, entered.model, data, number, earlier)
        if data is None or said is None or said.kind == DAMAGED:
            raise _changed(store, key, "no entry about a version")
        if not _is_followed(data, follower):
            raise _changed(store, key, "another entry than the one that the chain goes on from")
        stated = parse_json(data)["fact"]
        record = _find(store, stated["record"])
        if record is None or digest(record) != stated["record_sha256"]:
            raise _changed(store, stated["record"], f"another record than entry {number} names")
        if number == fact.sequence and said != fact:
            raise _changed(store, _key(entered.model), f"another fact than entry {number} states")


def newest_unchanged(
    store: Store,
    entered: EnteredVersions,
    pick: Callable[[EnteredVersions], VersionFact | None],
) -> VersionFact | None:
    """Return the fact that is picked; one that was changed and is accepted so is left out.

    Args:
        store: Store of the ledger.
        entered: What was read of it.
        pick: Picks a fact, for example the newest promotion.

    Raises:
        Tampered: The entry or its record was changed, and no person accepted the ledger since.
    """
    accepted = entered.accepted
    while (fact := pick(entered)) is not None:
        try:
            require_unchanged(store, entered, fact)
        except Tampered:
            if fact.sequence > accepted:
                raise
            entered = entered.without(fact)
        else:
            break
    return fact


def _changed(store: Store, key: str, found: str) -> Tampered:
    return Tampered(
        f"{key} was changed after it was entered in the ledger",
        expected="the bytes that were written once",
        found=found,
        where=store.uri(key),
        hint="`slipway ledger verify` lists every change; restore the object from a backup, else "
        "leave it out by `slipway ledger accept`; `slipway rollback` goes on without it",
    )


def _is_followed(data: bytes, follower: bytes | None) -> bool:
    if follower is None:
        return True
    with suppress(ValueError, KeyError, TypeError):
        return bool(parse_json(follower)["previous"] == digest(data))
    return False


def _fact_of(
    store: Store, model: str, data: bytes, number: int, earlier: Sequence[VersionFact]
) -> VersionFact | None:
    """The fact of an entry; None for one that is about no version."""
    entry = parse_entry(data)
    if not entry:
        return VersionFact(number, *DAMAGED, run="", version=0)
    fact = fact_of(entry)
    stage, version = fact.get("stage", ""), fact.get("numbers", {}).get("version")
    if stage == ACCEPT:
        return VersionFact(number, stage, str(fact.get("action")), str(fact.get("run")), version=0)
    is_of_rollout = stage in ROLLOUT_STAGES or stage.startswith(STEP_PREFIX)
    if not isinstance(version, int) or not (is_of_rollout or kind_of_fact(fact) in NAMING):
        return None
    return VersionFact(
        *(number, stage, str(fact.get("action")), str(fact.get("run")), version),
        *(*_digest_of(store, model, fact, number, earlier), *_promotion_of(fact)),
    )


def _digest_of(
    store: Store, model: str, fact: Mapping[str, Any], number: int, earlier: Sequence[VersionFact]
) -> tuple[str | None, int | None]:
    """Digest of the version that an entry is about, and the entry whose record has it."""
    version = fact["numbers"]["version"]
    if fact["stage"] == "reconcile":
        sha256 = fact["numbers"].get("digest")
        return (None, None) if sha256 is None else (str(sha256), number)
    if kind_of_fact(fact) not in NAMING:
        return None, None
    # Of a damaged record no digest is known; `require_unchanged` refuses it.
    with suppress(Tampered, BadParameter, KeyError, TypeError, AttributeError):
        record = find_json(store, fact["record"]) or {}
        return str(record["verdict"]["evidence"]["manifest_sha256"]), number
    if kind_of_fact(fact) in REGISTERED:
        return None, None
    # Promotions of earlier releases: the digest is in the plan of their rollout.
    for one in reversed(earlier):
        if (one.stage, one.run, one.version) == ("reconcile", fact.get("run"), version):
            return one.sha256 or find_holder(store, model, version), one.sequence
    return find_holder(store, model, version), number


def _promotion_of(fact: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """What the rollout of a promotion did, and the version that it turned away from."""
    if kind_of_fact(fact) != PROMOTED:
        return None, None
    numbers = fact["numbers"]
    name = "rolled_back" if numbers.get("action") == "roll_back" else "previous"
    # Promotions of earlier releases have only the champion before.
    before = numbers.get(name, numbers.get("before"))
    return str(numbers.get("action")), before if isinstance(before, int) else None


def _find(store: Store, key: str) -> bytes | None:
    with suppress(NotFound, BadParameter):
        return store.read(key)
    return None


def _read_on(
    store: Store, kept: EnteredVersions, length: int, *, sha256: str | None = None
) -> tuple[EnteredVersions, bool]:
    """What was kept with the entries up to a number, and whether one of these has a digest."""
    facts, head, is_entered = list(kept.facts), kept.head, False
    for number in range(kept.length + 1, length + 1):
        data = _find(store, entry_key(kept.model, number))
        if data is None:
            facts.append(VersionFact(number, *DAMAGED, run="", version=0))
            head = ""
            continue
        entry = parse_entry(data)
        if head and entry and entry.get("previous") != head:
            # One of both was changed, and may have been about any version.
            facts.append(VersionFact(number - 1, *DAMAGED, run="", version=0))
        fact = _fact_of(store, kept.model, data, number, facts)
        if fact is not None:
            facts.append(fact)
        said = fact_of(entry)
        is_entered |= said.get("stage") == KEEP and said.get("sha256") == sha256
        head = digest(data)
    return EnteredVersions(kept.model, length, head, tuple(facts)), is_entered


def _keep(store: Store, found: EnteredVersions) -> None:
    data = encode(_to_json(found))
    store.write(_key(found.model), data)
    fact = {
        "stage": KEEP,
        "action": "kept",
        "run": "",
        "reason": f"What {found.length:,} entries say about versions is in {_key(found.model)}.",
        "numbers": {},
        "sha256": digest(data),
    }
    ledger.enter(store, found.model, fact)


def _is_settled(found: EnteredVersions) -> bool:
    """Whether no entry is damaged that counts again once it is restored from a backup."""
    damaged = (one.sequence for one in found.facts if one.kind == DAMAGED)
    return max(damaged, default=0) <= found.accepted


def _has_head(store: Store, found: EnteredVersions) -> bool:
    data = _find(store, entry_key(found.model, found.length))
    return data is not None and digest(data) == found.head


def _nothing(model: str) -> EnteredVersions:
    return EnteredVersions(model, head=FIRST_PREVIOUS)


def _kept(store: Store, model: str) -> tuple[EnteredVersions, str | None]:
    """What was kept and its digest, if the chain still has the entry that it was read up to."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        stored = _find(store, _key(model)) or b""
        value = parse_json(stored)
        facts = tuple(VersionFact(*one) for one in value["facts"])
        kept = EnteredVersions(model, int(value["length"]), str(value["head"]), facts)
        if _has_head(store, kept):
            return kept, digest(stored)
    return _nothing(model), None


def _to_json(found: EnteredVersions) -> dict[str, Any]:
    facts = [list(astuple(one)) for one in found.facts]
    return {"length": found.length, "head": found.head, "facts": facts}


def _key(model: str) -> str:
    return f"{FOLDER}/{model}.json"
