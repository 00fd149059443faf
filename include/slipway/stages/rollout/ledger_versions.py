"""Versions and aliases as the ledger has them, for a rollback while MLflow does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from slipway.errors import NotFound
from slipway.records.champion_history import is_promotion
from slipway.records.ledger import newest_first
from slipway.records.store import Store
from slipway.stages.model.aliases import CHAMPION, PREVIOUS
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.plan import read_plan


def newest_promoted_run(store: Store, model: str) -> str | None:
    """Run of the rollout that last made or confirmed a champion, or None."""
    return next(_promoted_runs(store, model), None)


def promotions_of(store: Store, model: str, version: int) -> Iterator[str]:
    """Yield the runs of the rollouts that made or confirmed a version champion, newest first."""
    for entry in newest_first(store, model):
        fact = entry["fact"]
        if is_promotion(fact) and fact["numbers"]["version"] == version:
            yield fact["run"]


class LedgerVersions:
    """Champion and previous champion by the newest promotion; a fallback of `Versions`.

    Args:
        store: Store of the ledger.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that the newest promotion gave an alias, or None."""
        plans = (read_plan(self._store, model, run) for run in _promoted_runs(self._store, model))
        # A repair confirms the champion and moves no other alias.
        plan = next((one for one in plans if one.action != "repair"), None)
        if plan is None:
            return None
        if alias == CHAMPION:
            return _version(model, plan.version, plan.digest)
        if alias == PREVIOUS and plan.action != "roll_back" and plan.standing is not None:
            return _version(model, plan.standing, plan.champion_digest)
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


def _promoted_runs(store: Store, model: str) -> Iterator[str]:
    for entry in newest_first(store, model):
        if is_promotion(entry["fact"]):
            yield entry["fact"]["run"]


def _version(model: str, version: int, sha256: str | None) -> ModelVersion:
    tags = {} if sha256 is None else {DIGEST: sha256}
    return ModelVersion(model, version, "", "", tags, datetime.now(UTC))
