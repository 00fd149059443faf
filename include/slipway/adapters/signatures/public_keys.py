"""Public keys: their ids, and how each kind verifies a signature.

The bundle of OpenSSF model-signing knows keys of the NIST curves; Ed25519 is used within the same
bundle, which that tool does not verify.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from slipway.errors import BadParameter

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
"""Hash of each curve, as OpenSSF model-signing has them."""


def supported(key: object, *, where: str) -> PublicKey:
    """Return a public key if it is of a supported kind.

    Raises:
        BadParameter: It is of another kind.
    """
    is_ec = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in HASHES
    if is_ec or isinstance(key, ed25519.Ed25519PublicKey):
        return key  # type: ignore[return-value]
    curve = f" of {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else ""
    raise BadParameter(
        "a key cannot sign model versions",
        expected="ECDSA on P-256, P-384 or P-521, or Ed25519",
        found=f"{type(key).__name__}{curve}",
        where=where,
        hint="`slipway keys new` makes one",
    )


def pem_of(key: PublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def id_of(key: PublicKey) -> str:
    """Return the id of a key: the SHA-256 of its PEM, as OpenSSF model-signing hints at it."""
    return hashlib.sha256(pem_of(key)).hexdigest()


def is_signed(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether a signature of a message is a key's."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(HASHES[key.curve.name]))
    except InvalidSignature:
        return False
    return True
