"""Sign by a private key in a PEM file, in a variable, or in AWS KMS."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from slipway.adapters.signatures.kms_signer import SCHEME, KmsSigner
from slipway.adapters.signatures.public_keys import HASHES, id_of, supported
from slipway.errors import BadParameter

PEM_BEGINS = "-----BEGIN"


class KeySigner:
    """Fulfils the `Signer` port with a key in memory.

    Args:
        pem: The private key.
        where: Its place, for errors.

    Raises:
        BadParameter: It is no private key of a supported kind, or it is encrypted.
    """

    def __init__(self, pem: bytes, *, where: str) -> None:
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _unusable(type(error).__name__, where) from error
        self.public_key = supported(key.public_key(), where=where)
        self._key = key

    @property
    def key_id(self) -> str:
        """Id of the key."""
        return id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)  # noqa: S101 - see `supported`
        return self._key.sign(message, ec.ECDSA(HASHES[self._key.curve.name]))


def open_signer(given: str) -> KeySigner | KmsSigner:
    """Return the signer of a key.

    Args:
        given: Path of a PEM file, `kms://` with the id, ARN or alias of a key, or the PEM itself.

    Raises:
        BadParameter: The key cannot be read.
    """
    if given.startswith(SCHEME):
        return KmsSigner(given.removeprefix(SCHEME))
    if given.lstrip().startswith(PEM_BEGINS):
        return KeySigner(given.encode(), where="SLIPWAY_SIGNING_KEY")
    where = f"{given} (SLIPWAY_SIGNING_KEY)"
    try:
        pem = Path(given).read_bytes()
    except OSError as error:
        raise _unusable(type(error).__name__, where) from error
    return KeySigner(pem, where=where)


def _unusable(found: str, where: str) -> BadParameter:
    return BadParameter(
        "the signing key cannot be read",
        expected="a private key as PEM without a password, or kms://… with a key of AWS KMS",
        found=found,
        where=where,
        hint="`slipway keys new` makes one",
    )
