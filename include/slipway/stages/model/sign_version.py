"""Sign a registered version, by the digest that a record names for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slipway.errors import BadParameter, BadSignature, Tampered
from slipway.stages.model.manifest import MANIFEST, check, parse
from slipway.stages.model.signature import SHORT_ID, SIGNATURE, parse_bundle, sign_manifest
from slipway.stages.model.version_tags import SIGNED_BY
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.ports.signatures import Signer, Verifier


@dataclass(frozen=True)
class Signing:
    """The keys of an installation.

    Attributes:
        signer: Its private key; None: versions are not signed here.
        verifier: The public keys that it trusts; None: signatures are not required here.
    """

    signer: Signer | None = None
    verifier: Verifier | None = None

    def check(self) -> None:
        """Raise unless the versions that are signed here can be used here.

        Raises:
            BadParameter: Signatures are required, and none can be made.
        """
        if self.verifier is not None and self.signer is None:
            raise BadParameter(
                "a version cannot be registered unsigned where signatures are required",
                expected="a signing key, since SLIPWAY_TRUSTED_KEYS is set",
                found="no SLIPWAY_SIGNING_KEY",
                hint="set it where promote_challenger and `slipway bring` run, and nowhere else",
            )


UNSIGNED = Signing()
"""No keys."""


def sign_version(
    version: ModelVersion,
    *,
    sha256: str,
    registry: Registry,
    signing: Signing,
    run_key: str | None = None,
) -> str | None:
    """Sign a version, and return the id of the key; None without a signing key.

    A repeat signs again: what is signed is the same.

    Args:
        version: The version.
        sha256: Digest of its manifest, from the record that it was made by.
        registry: Registry with its files.
        signing: Keys of this installation.
        run_key: Training run that its manifest has to name; None: any.

    Raises:
        Tampered: The manifest differs from the digest, or is that of another model or run.
        BadParameter: The key cannot be used, or is not trusted here.
        RegistryUnavailable: The registry does not answer.
        KeyServiceUnavailable: The service that holds the key does not answer.
    """
    signer, model = signing.signer, version.model
    if signer is None:
        return None
    manifest = registry.read_file(model, version.version, MANIFEST)
    where = f"{MANIFEST} of version {version.version} of {model}"
    check(manifest, sha256, where=where)
    facts = parse(manifest, sha256=None, where=where)
    wanted = {"model": model, **({"run_key": run_key} if run_key else {})}
    found = {name: facts.get(name) for name in wanted}
    if found != wanted:
        raise Tampered(
            "a version cannot be signed for another model or training than its own",
            expected=str(wanted),
            found=str(found),
            where=where,
        )
    bundle = sign_manifest(model, manifest, key_id=signer.key_id, sign=signer.sign)
    _require_trust(bundle, model=model, sha256=sha256, key_id=signer.key_id, signing=signing)
    registry.add_file(model, version.version, SIGNATURE, bundle)
    registry.tag(model, version.version, {SIGNED_BY: signer.key_id})
    return signer.key_id


def carry_signature(folder: Path, version: ModelVersion, *, registry: Registry) -> None:
    """Give a version the signature that its folder was downloaded with, if there is one.

    Args:
        folder: Folder of the same version of another registry.
        version: The version here.
        registry: Registry with its files.

    Raises:
        BadSignature: It cannot be read.
        RegistryUnavailable: The registry does not answer.
    """
    file = folder / SIGNATURE
    if not file.is_file():
        return
    bundle = file.read_bytes()
    key_id = parse_bundle(bundle, where=str(file)).key_id
    registry.add_file(version.model, version.version, SIGNATURE, bundle)
    registry.tag(version.model, version.version, {SIGNED_BY: key_id})


def _require_trust(
    bundle: bytes, *, model: str, sha256: str, key_id: str, signing: Signing
) -> None:
    if signing.verifier is None:
        return
    try:
        signing.verifier.verify(bundle, model=model, sha256=sha256, where=SIGNATURE)
    except BadSignature as error:
        raise BadParameter(
            "what is signed here would be refused here",
            expected=error.expected,
            found=f"SLIPWAY_SIGNING_KEY is {key_id[:SHORT_ID]}",
            hint="add the public half of the signing key to SLIPWAY_TRUSTED_KEYS first",
        ) from error
