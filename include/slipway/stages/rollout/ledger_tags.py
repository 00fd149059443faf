"""Give a version of the registry the tags that stages decide by as the ledger has them.

Write access to the registry is enough to set its tags. The tags of a registration are kept beside
its record, by digest; outcomes and measurements of rollouts are in their entries.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from slipway.errors import NotFound, Tampered
from slipway.records.champion_history import PROMOTED, REGISTERED
from slipway.records.entered_versions import require_unchanged
from slipway.records.entry_checks import fact_of, parse_entry
from slipway.records.ledger import entry_key
from slipway.records.ledger_facts import EnteredVersions, VersionFact
from slipway.records.store import Store, find_json
from slipway.stages.model.registered_tags import (
    is_deciding,
    read_registered_tags,
    without_malformed,
)
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.carry_out import MEASURED
from slipway.stages.rollout.repair import MARKED
from slipway.stages.rollout.version_outcome import (
    BLOCKED,
    ROLLED_BACK,
    ROLLOUT_TAG,
    SERVED,
    SERVING,
    VERIFIED,
)

logger = logging.getLogger(__name__)


def with_ledger_tags(
    found: ModelVersion, entered: EnteredVersions, *, store: Store
) -> ModelVersion:
    """Return a version with the ledger's tags; one that the ledger does not name as it is.

    Args:
        found: Version of the registry.
        entered: Facts of the ledger about the model's versions.
        store: Store of the ledger.
    """
    found = replace(found, tags=_readable(found))
    namings = entered.every_naming(found.version, found.tags.get(DIGEST))
    if not namings:
        return found
    registered = [one for one in namings if one.kind in REGISTERED]
    since = registered[0].sequence if registered else 0
    told = _registered(store, entered, registered)
    kept = dict(found.tags) if told is None else _for_people(found.tags)
    outcome = outcome_since(entered, found.version, found.tags.get(DIGEST), since=since)
    kept.pop(ROLLOUT_TAG, None)
    own = {} if outcome is None else {ROLLOUT_TAG: outcome}
    sizes = _measured(store, entered, found.version, since=since)
    known = {DIGEST: found.tags[DIGEST]} if DIGEST in found.tags else {}
    return replace(found, tags={**kept, **(told or {}), **sizes, **own, **known})


def _readable(found: ModelVersion) -> Mapping[str, str]:
    kept = without_malformed(found.tags)
    for name in found.tags.keys() - kept.keys():
        logger.warning(
            "tag %s of version %s of %s is no such value", name, found.version, found.model
        )
    return kept


def outcome_since(
    entered: EnteredVersions, version: int, sha256: str | None, *, since: int
) -> str | None:
    """Return the outcome of a version's rollouts, as its tag has it, or None; pure.

    Args:
        entered: What the ledger says.
        version: Number of the version.
        sha256: Digest of its manifest; None: not known.
        since: Number of the entry that registered it; earlier ones are of other bytes.
    """
    if entered.was_champion(version, sha256):
        champion = entered.champion
        return SERVING if champion is not None and champion.version == version else SERVED
    begun = {one.run: one.action for one in entered.facts if one.stage == "reconcile"}
    for one in entered.facts[::-1]:
        if one.sequence <= since:
            break
        is_left = one.rollout == "roll_back" and one.before == version
        if is_left or (one.version, one.action) == (version, MARKED):
            return ROLLED_BACK
        if one.version != version or one.stage == "reconcile" or one.kind == PROMOTED:
            continue
        if one.action == VERIFIED:
            return VERIFIED
        if one.action in BLOCKED and not _is_failed_return(entered, one, begun):
            return one.action
    return None


def _is_failed_return(
    entered: EnteredVersions, failed: VersionFact, begun: Mapping[str, str]
) -> bool:
    """Whether a rollout that failed was a repair, or the way back to a version that had served."""
    action = begun.get(failed.run)
    had_served = any((one.kind, one.version) == (PROMOTED, failed.version) for one in entered.facts)
    return action == "repair" or (action == "roll_back" and had_served)


def _registered(
    store: Store, entered: EnteredVersions, registered: list[VersionFact]
) -> dict[str, str] | None:
    """Tags that the newest intact registration kept; None: none did, as of an earlier release."""
    for fact in registered:
        with suppress(Tampered):
            require_unchanged(store, entered, fact)
            record = find_json(store, _fact(store, entered, fact)["record"]) or {}
            try:
                return read_registered_tags(store, record)
            except Tampered as error:
                # What the registry says takes no place of it.
                logger.warning("%s", error)
                return {}
    return None


def _measured(
    store: Store, entered: EnteredVersions, version: int, *, since: int
) -> Mapping[str, str]:
    """Sizes of its server as the first verification measured them; empty where none has."""
    for fact in entered.facts:
        is_own = fact.version == version and fact.sequence > since
        if is_own and (fact.stage, fact.action) == ("verify", VERIFIED):
            sizes = dict(_sizes(_fact(store, entered, fact).get("numbers", {})))
            if sizes:
                return sizes
    return {}


def _sizes(numbers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for tag, name in MEASURED.items():
        value = numbers.get(name)
        if isinstance(value, float) and value > 0:
            yield tag, f"{value:.1f}"


def _fact(store: Store, entered: EnteredVersions, fact: VersionFact) -> Mapping[str, Any]:
    with suppress(NotFound):
        return fact_of(parse_entry(store.read(entry_key(entered.model, fact.sequence))))
    return {}


def _for_people(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if not is_deciding(name)}
