"""Make the keys of an installation from its settings; without keys nothing is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.stages.model.sign_version import Signing

if TYPE_CHECKING:
    from slipway.settings import Settings
    from slipway.stages.ports.signatures import Verifier


def verifier_of(settings: Settings) -> Verifier | None:
    """Return the public keys that are trusted; None: signatures are not required."""
    if settings.trusted_keys is None:
        return None
    from slipway.adapters.signatures import TrustedKeys

    return TrustedKeys(settings.trusted_keys)


def signing_of(settings: Settings) -> Signing:
    """Return the keys that sign and verify versions.

    Raises:
        BadParameter: The signing key cannot be read.
    """
    key, verifier = settings.signing_key, verifier_of(settings)
    if key is None:
        return Signing(None, verifier)
    from slipway.adapters.signatures import open_signer

    return Signing(open_signer(key.get_secret_value()), verifier)
