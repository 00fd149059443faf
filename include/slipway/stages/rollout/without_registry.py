"""Begin a rollback while MLflow does not answer, or the ledger is damaged.

The intact entries of the ledger tell which version is champion, and which one was before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from slipway.errors import RegistryUnavailable, Tampered
from slipway.records.store import Store
from slipway.stages.model.aliases import PREVIOUS
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.ledger_versions import LedgerVersions
from slipway.stages.rollout.observe import observe
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.plan import read_plan, rollout_run
from slipway.stages.rollout.platform import Platform

logger = logging.getLogger(__name__)


def observe_or_remember(
    model: str,
    *,
    store: Store,
    registry: Registry,
    platform: Platform,
    to: str,
    level: int = logging.WARNING,
) -> ObservedState:
    """Observe aliases and traffic; for a rollback the ledger stands in for MLflow.

    So it does for a rollback where an entry about the aliases, or its record, is damaged: the
    intact ones count. What serves and none of them names as champion is the one to go back from.

    Args:
        model: Name of the model.
        store: Records, and the ledger.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        to: What was asked for.
        level: Level at which the log says that the ledger stands in.

    Raises:
        NotFound: The registry has no version of the number that was asked for.
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer, and this is no rollback.
        Tampered: An entry or record is damaged, and this is no rollback.
        EditedByHand: The routing was edited by hand.
    """
    try:
        return observe(model, store=store, registry=registry, platform=platform, to=to)
    except (RegistryUnavailable, Tampered) as error:
        if to != PREVIOUS:
            raise
        logger.log(level, "the ledger tells which version is champion: %s", error.message)
        remembered = LedgerVersions(store)
        state = observe(model, store=store, registry=remembered, platform=platform, to=to)
        if isinstance(error, Tampered):
            return _beside_damage(model, state, store, platform)
        return state


def _beside_damage(
    model: str, state: ObservedState, store: Store, platform: Platform
) -> ObservedState:
    """The state in which what serves is champion, since its promotion is what was damaged.

    The newest intact promotion is what came before it, unless a rollback left that version.
    """
    if state.served in {None, state.champion}:
        return state
    served = platform.served(model)
    plan = None if served is None else read_plan(store, model, rollout_run(served.token))
    is_back = plan is None or plan.action == "roll_back"
    return replace(state, champion=state.served, previous=None if is_back else state.champion)


@contextmanager
def later_without_registry(to: str) -> Iterator[None]:
    """Leave what is inside to a later sweep, if this is a rollback that goes by the ledger alone.

    Raises:
        RegistryUnavailable: The registry does not answer, and this is no rollback.
        Tampered: An entry or record is damaged, and this is no rollback.
    """
    try:
        yield
    except (RegistryUnavailable, Tampered):
        if to != PREVIOUS:
            raise
