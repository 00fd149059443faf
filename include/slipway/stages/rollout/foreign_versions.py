"""Find what a registry has and its ledger does not name; nothing where no ledger is beside it."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.errors import Tampered
from slipway.stages.model.meant_version import recorded_digest
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.rollout.entered_registry import EnteredRegistry
from slipway.stages.rollout.foreign_alias import ForeignAlias


def find_foreign(registry: object, model: str) -> tuple[ForeignAlias, ...]:
    """Return the foreign aliases of a model; none in a registry without a ledger beside it.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    return registry.foreign(model) if isinstance(registry, EnteredRegistry) else ()


def require_known(registry: object, version: ModelVersion) -> None:
    """Raise unless the ledger beside a registry names the bytes of a version.

    Raises:
        Tampered: The version has no digest, or one that the ledger does not name.
    """
    if isinstance(registry, EnteredRegistry):
        registry.require_entered(version.model, version.version, recorded_digest(version))


def entered_tags(registry: Registry, model: str, version: int) -> Mapping[str, str]:
    """Return the tags of a version, with its digest only where the ledger names that.

    Raises:
        NotFound: There is no such version.
        RegistryUnavailable: The registry does not answer.
    """
    found = registry.version(model, version)
    try:
        require_known(registry, found)
    except Tampered:
        return {name: value for name, value in found.tags.items() if name != DIGEST}
    return found.tags
