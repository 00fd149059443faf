"""Make a pair of keys for signatures of model versions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from slipway.adapters.signatures.public_keys import id_of, pem_of
from slipway.errors import BadParameter

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

KINDS: Mapping[str, Callable[[], PrivateKey]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
"""Kinds of new keys; OpenSSF model-signing verifies the first alone."""


def make_keys(private: Path, public: Path, *, kind: str) -> str:
    """Write a new pair of keys, the private one readable by its owner alone; return their id.

    Args:
        private: File of the private key, which must not exist.
        public: File of the public key, which must not exist.
        kind: One of `KINDS`.

    Raises:
        BadParameter: A file exists, or cannot be written.
    """
    key = KINDS[kind]()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _create(private, pem, mode=0o600)
    _create(public, pem_of(key.public_key()), mode=0o644)
    return id_of(key.public_key())


def _create(file: Path, data: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except OSError as error:
        raise BadParameter(
            "a key cannot be written",
            expected="a new file in a folder that exists",
            found=type(error).__name__,
            where=str(file),
            hint="a key is never replaced: name another file with --into and --name",
        ) from error
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
    # The mask of the process may be narrower than what servers and people need of a public key.
    file.chmod(mode)
