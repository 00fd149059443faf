"""Find the champion that the registry names, and tell a lost one from none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import NotFound
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.registry_losses import find_lost_champion

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion, Registry


def named_champion(
    model: str, *, to_be: str, store: Store, registry: Registry
) -> ModelVersion | None:
    """Return the champion; None before the first one.

    Args:
        model: Name of the model.
        to_be: What the champion is needed for: `monitored` or `scored`.
        store: Store of the ledger.
        registry: Aliases and versions.

    Raises:
        NotFound: The registry lost the champion.
        RegistryUnavailable: The registry does not answer.
    """
    champion = registry.alias(model, CHAMPION)
    if champion is not None:
        return champion
    loss = find_lost_champion(model, store=store, registry=registry)
    if loss is None:
        return None
    raise NotFound(
        f"{model} cannot be {to_be}: its champion, version {loss.version}, is lost",
        expected=f"the alias `champion` of {model} in MLflow, as the ledger has it",
        found=loss.found,
        hint=loss.way_out,
    )
