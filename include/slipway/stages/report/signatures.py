"""Describe whether versions are signed, and by which keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from slipway.errors import BadSignature, NotFound, Tampered
from slipway.stages.model.meant_version import VersionFiles, recorded_digest
from slipway.stages.model.sign_version import Signing
from slipway.stages.model.signature import SHORT_ID, SIGNATURE
from slipway.stages.model.version_tags import SIGNED_BY
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.ports.signatures import Verifier

SIGNED = "signed by"
REFUSED = "refused: "
SIGN_IT = "`slipway sign` signs what the ledger knows"


def describe_signature(
    version: ModelVersion, *, registry: VersionFiles, verifier: Verifier | None
) -> str | None:
    """Return by which key a version is signed, or why it may not be used.

    None of a version without a signature where none is required.

    Raises:
        BadParameter: The trusted keys cannot be read.
        RegistryUnavailable: The registry does not answer.
    """
    named = version.tags.get(SIGNED_BY)
    if verifier is None:
        unverified = "which is not verified here: no keys are trusted"
        return f"{SIGNED} {named[:SHORT_ID]}, {unverified}" if named else None
    try:
        bundle = _signature(version, registry)
        key_id = verifier.verify(
            bundle,
            model=version.model,
            sha256=recorded_digest(version),
            where=SIGNATURE,
            version=version.version,
        )
    except BadSignature as error:
        return f"{REFUSED}{error.message}, found {error.found}; {SIGN_IT}"
    except (NotFound, Tampered) as error:
        return f"{REFUSED}{error.message}"
    return f"{SIGNED} {key_id[:SHORT_ID]}"


def refused_signatures(
    versions: Iterable[ModelVersion | None], describe: Callable[[ModelVersion], str | None] | None
) -> dict[int, str]:
    """Return why versions may not be used, by number.

    Args:
        versions: The versions, None for none.
        describe: Describes the signature of a version; None: signatures are not looked at.
    """
    if describe is None:
        return {}
    told = {one.version: describe(one) or "" for one in versions if one is not None}
    return {
        number: text.removeprefix(REFUSED)
        for number, text in told.items()
        if text.startswith(REFUSED)
    }


def _signature(version: ModelVersion, registry: VersionFiles) -> bytes | None:
    """The signature beside a version's files, whatever its tags say; None: there is none."""
    with suppress(NotFound):
        return registry.read_file(version.model, version.version, SIGNATURE)
    return None


def describe_keys(signing: Signing) -> str:
    """Return in words which keys of an installation sign and which are required.

    Raises:
        BadParameter: A key cannot be read.
        KeyServiceUnavailable: The service that holds the signing key does not answer.
    """
    signer, verifier = signing.signer, signing.verifier
    signed = (
        f"versions are signed by {signer.key_id[:SHORT_ID]}"
        if signer
        else ("versions are not signed")
    )
    if verifier is None:
        return f"{signed}; none has to be"
    trusted = ", ".join(one[:SHORT_ID] for one in verifier.key_ids())
    required = f"{signed}; each has to be, by {trusted}"
    if signer is not None and signer.key_id not in verifier.key_ids():
        return f"{required}, which the signing key is not among: a promotion would be refused"
    return required
