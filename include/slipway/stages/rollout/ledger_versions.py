"""Versions and aliases as the ledger has them, for a rollback without MLflow or a whole ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from slipway.errors import NotFound
from slipway.records.champion_history import is_promotion
from slipway.records.entry_checks import record_problems
from slipway.records.ledger import Damaged, newest_first
from slipway.records.store import Store
from slipway.stages.model.aliases import CHAMPION, PREVIOUS
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.plan import RolloutPlan, read_plan


def newest_promoted_run(store: Store, model: str) -> str | None:
    """Run of the rollout that last made or confirmed a champion, or None.

    Raises:
        Tampered: An entry that is as new is damaged.
    """
    return next((fact["run"] for fact in _promotions(store, model, damaged="raise")), None)


def newest_promotions(store: Store, model: str) -> Iterator[tuple[int, str]]:
    """Yield version and run of each rollout that made or confirmed a champion, newest first."""
    for fact in _promotions(store, model):
        yield fact["numbers"]["version"], fact["run"]


def promotions_of(store: Store, model: str, version: int) -> Iterator[str]:
    """Return the runs of the rollouts that made or confirmed a version champion, newest first."""
    return (run for promoted, run in newest_promotions(store, model) if promoted == version)


class LedgerVersions:
    """Champion and previous champion by the newest promotion; a fallback of `Versions`.

    Damaged entries, and those whose record was changed, are left out.

    Args:
        store: Store of the ledger.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that the newest promotion gave an alias, or None."""
        if alias not in {CHAMPION, PREVIOUS}:
            return None
        champion: RolloutPlan | None = None
        for fact in _promotions(self._store, model):
            plan = read_plan(self._store, model, fact["run"])
            champion = champion or plan
            if alias == CHAMPION:
                return _version(model, champion.version, champion.digest)
            numbers = fact["numbers"]
            previous, sha256 = plan.standing, plan.champion_digest
            if "previous" in numbers:
                previous, sha256 = numbers["previous"], numbers.get("previous_digest")
            # A repair that confirmed the champion moved no other alias.
            if plan.action == "repair" and previous is None:
                continue
            if plan.action == "roll_back" or previous is None or previous == champion.version:
                return None
            return _version(model, previous, sha256)
        return None

    def version(self, model: str, version: int) -> ModelVersion:
        """One version, of which only the number is known unless an alias names it.

        Raises:
            NotFound: The number is not positive.
        """
        if version < 1:
            raise NotFound(f"{model} has no version {version}")
        named = (self.alias(model, CHAMPION), self.alias(model, PREVIOUS))
        found = next((one for one in named if one and one.version == version), None)
        return found or _version(model, version, None)


def _promotions(store: Store, model: str, *, damaged: Damaged = "mark") -> Iterator[dict[str, Any]]:
    """Facts of the promotions whose record is as it was entered, newest first."""
    for entry in newest_first(store, model, damaged=damaged):
        if not is_promotion(entry["fact"]):
            continue
        if damaged == "raise" or not any(record_problems(store, entry, records="all")):
            yield entry["fact"]


def _version(model: str, version: int, sha256: str | None) -> ModelVersion:
    tags = {} if sha256 is None else {DIGEST: sha256}
    return ModelVersion(model, version, "", "", tags, datetime.now(UTC))
