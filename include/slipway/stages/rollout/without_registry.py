"""Begin a rollback while MLflow does not answer: the ledger tells which version is champion."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.errors import RegistryUnavailable
from slipway.records.store import Store
from slipway.stages.model.aliases import PREVIOUS
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.ledger_versions import LedgerVersions
from slipway.stages.rollout.observe import observe
from slipway.stages.rollout.observed_state import ObservedState
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
        EditedByHand: The routing was edited by hand.
    """
    try:
        return observe(model, store=store, registry=registry, platform=platform, to=to)
    except RegistryUnavailable as error:
        if to != PREVIOUS:
            raise
        logger.log(level, "the ledger tells which version is champion: %s", error.message)
        remembered = LedgerVersions(store)
        return observe(model, store=store, registry=remembered, platform=platform, to=to)


@contextmanager
def later_without_registry(to: str) -> Iterator[None]:
    """Leave what is inside to a later sweep, if this is a rollback and MLflow does not answer.

    Raises:
        RegistryUnavailable: The registry does not answer, and this is no rollback.
    """
    try:
        yield
    except RegistryUnavailable:
        if to != PREVIOUS:
            raise
