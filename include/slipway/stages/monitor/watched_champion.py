"""Find the champion that is monitored, or say why it cannot be watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import NotFound
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.registry_losses import find_lost_champion

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion, Registry


def watched_champion(model: str, *, store: Store, registry: Registry) -> ModelVersion | None:
    """Return the champion; None before the first one.

    Raises:
        NotFound: The registry lost the champion, so what serves cannot be watched.
        RegistryUnavailable: The registry does not answer.
    """
    champion = registry.alias(model, CHAMPION)
    if champion is not None:
        return champion
    loss = find_lost_champion(model, store=store, registry=registry)
    if loss is None:
        return None
    raise NotFound(
        f"{model} cannot be monitored: its champion, version {loss.version}, is lost",
        expected=f"the alias `champion` of {model} in MLflow, as the ledger has it",
        found=loss.found,
        hint=loss.way_out,
    )


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
