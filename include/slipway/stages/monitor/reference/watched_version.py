"""Find the version that monitoring watches, and the version of a window that is measured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.errors import NotFound
from slipway.stages.model.named_champion import named_champion
from slipway.stages.rollout.served_difference import describe_difference, describe_other_version
from slipway.stages.rollout.served_state import read_served_state

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion, Registry
    from slipway.stages.rollout.platform import ServedReader


@dataclass(frozen=True)
class Watched:
    """Version that monitoring watches.

    Attributes:
        champion: Version with the alias.
        version: Version whose windows are measured: the one that serves, else the champion.
        difference: How what is served differs from the champion; None without a difference.
        other: The same where that is another version, which is watched in its place.
    """

    champion: ModelVersion
    version: ModelVersion
    difference: str | None = None
    other: str | None = None


def find_watched(
    model: str, *, store: Store, registry: Registry, platform: ServedReader | None
) -> Watched | None:
    """Find the version to watch; None before the first champion.

    A version that takes every request is watched, whatever a hand has made champion since.

    Args:
        model: Name of the model.
        store: Store of the records of rollouts.
        registry: Aliases and versions.
        platform: What is served; None: not compared.

    Raises:
        NotFound: The registry lost the champion.
        RegistryUnavailable: The registry does not answer.
    """
    champion = named_champion(model, to_be="monitored", store=store, registry=registry)
    if champion is None or platform is None:
        return None if champion is None else Watched(champion, champion)
    state = read_served_state(model, store=store, registry=registry, platform=platform)
    version = champion
    if state.served_instead is not None:
        # Of a version that was deleted there is no reference to compare with.
        with suppress(NotFound):
            version = registry.version(model, state.served_instead)
    other = None if version is champion else describe_other_version(state)
    return Watched(champion, version, describe_difference(state), other)


def watched_version(model: str, version: int, *, registry: Registry) -> ModelVersion:
    """Return the version of a window.

    Raises:
        NotFound: The registry lost it, so its window cannot be measured.
        RegistryUnavailable: The registry does not answer.
    """
    try:
        return registry.version(model, version)
    except NotFound as error:
        raise NotFound(
            f"a window of version {version} of {model} cannot be measured: the version is lost",
            expected=f"version {version} of {model} in MLflow, with its reference and metrics",
            found=error.found or error.message,
            hint=f"`slipway why {model}` tells what is left; windows of the next champion are "
            "measured",
        ) from error
