"""Observe a platform that has just started once it knows which of its servers can answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from slipway.records.store import Store
from slipway.stages.model.aliases import CHALLENGER
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.without_registry import observe_or_remember

STARTING_SECONDS = 30.0
"""A server starts within this, or counts as one that does not answer."""

POLL_SECONDS = 0.5

logger = logging.getLogger(__name__)


def observe_started(
    model: str,
    *,
    store: Store,
    registry: Registry,
    platform: Platform,
    to: str,
    sleep: Callable[[float], None],
) -> ObservedState:
    """Observe aliases and traffic; a sweep waits for servers that start with their platform.

    A version that takes all requests does not answer while it starts, which is no reason to end its
    rollout, or to repair a champion. One that has answered or ended since does not count as
    starting, and what a person asks for does not wait.

    Args:
        model: Name of the model.
        store: Records of rollouts and verifications.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        to: What was asked for.
        sleep: Waits for some seconds.

    Raises:
        NotFound: The registry has no version of the number that was asked for.
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer, and this is no rollback.
        EditedByHand: The routing was edited by hand.
    """
    waited = 0.0
    while True:
        state = observe_or_remember(model, store=store, registry=registry, platform=platform, to=to)
        if to != CHALLENGER or not state.is_starting or waited >= STARTING_SECONDS:
            return state
        if not waited:
            logger.info("%s: the platform has just started, its servers are awaited", model)
        sleep(POLL_SECONDS)
        waited += POLL_SECONDS
