"""Make the keys of an installation from its settings; without keys nothing is imported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from slipway.stages.model.sign_version import Signing

if TYPE_CHECKING:
    from pydantic import SecretStr

    from slipway.records.store import Store
    from slipway.settings import Settings
    from slipway.stages.ports.signatures import Signer, Verifier
    from slipway.stages.rollout.signed_states import StateTrust


def verifier_of(settings: Settings) -> Verifier | None:
    """Return the public keys that are trusted; None: signatures are not required."""
    if settings.trusted_keys is None:
        return None
    from slipway.adapters.signatures import TrustedKeys

    return TrustedKeys(settings.trusted_keys)


class Keyed(Protocol):
    """An installation, reduced to its settings and its store."""

    @property
    def settings(self) -> Settings:
        """Where the keys are, and the scratch folder."""

    @property
    def store(self) -> Store:
        """Store of the desired states."""


def state_trust_of(installation: Keyed) -> StateTrust:
    """Return the keys for desired states; the private one is read when it signs."""
    from slipway.stages.rollout.followed_memory import FollowedMemory
    from slipway.stages.rollout.signed_states import StateTrust

    settings = installation.settings
    return StateTrust(
        installation.store,
        verifier_of(settings),
        None if settings.signing_key is None else partial(_signer_of, settings.signing_key),
        FollowedMemory(settings.scratch / "followed"),
    )


def signing_of(settings: Settings) -> Signing:
    """Return the keys that sign and verify versions.

    Raises:
        BadParameter: The signing key cannot be read.
    """
    key = settings.signing_key
    return Signing(None if key is None else _signer_of(key), verifier_of(settings))


def _signer_of(key: SecretStr) -> Signer:
    from slipway.adapters.signatures import open_signer

    return open_signer(key.get_secret_value())
