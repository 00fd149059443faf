"""Verify signatures of model versions by the public keys of a file or folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from slipway.adapters.signatures.public_keys import PublicKey, id_of, is_signed, supported
from slipway.errors import BadParameter, BadSignature
from slipway.stages.model.signature import HINT, SHORT_ID, check_statement, parse_bundle

PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


class TrustedKeys:
    """Fulfils the `Verifier` port.

    The keys are read at each use, so that a running server follows a rotation.

    Args:
        place: PEM file with one key or several, or a folder of such files.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    def keys(self) -> dict[str, PublicKey]:
        """Return the keys by their ids.

        Raises:
            BadParameter: A file cannot be read or is no PEM file of public keys, or there is none.
        """
        found = {id_of(key): key for file in self._files() for key in _keys_in(file)}
        if not found:
            raise _unusable("no key", self._place)
        return found

    def key_ids(self) -> list[str]:
        """Return the ids of the keys; see `Verifier.key_ids`."""
        return list(self.keys())

    def verify(
        self,
        bundle: bytes | None,
        *,
        model: str,
        sha256: str,
        where: str,
        version: int | None = None,
    ) -> str:
        """Return the id of the trusted key that signed a version; see `Verifier.verify`."""
        subject = f"a version of {model}" if version is None else f"version {version} of {model}"
        if bundle is None:
            raise BadSignature(
                f"{subject} is not signed",
                expected=self._expected(self.keys()),
                found="no signature",
                where=where,
                hint=HINT,
            )
        payload, key_id = self._open(bundle, subject=subject, where=where)
        check_statement(payload, model=model, sha256=sha256, where=where)
        return key_id

    def open_bundle(self, bundle: bytes, *, subject: str, where: str) -> bytes:
        """Return the statement in a bundle; see `Verifier.open_bundle`."""
        return self._open(bundle, subject=subject, where=where)[0]

    def _open(self, bundle: bytes, *, subject: str, where: str) -> tuple[bytes, str]:
        """The statement in a bundle, and the id of the key that signed it."""
        keys, signed = self.keys(), parse_bundle(bundle, where=where)
        key = keys.get(signed.key_id)
        if key is None or not is_signed(key, signed.signature, signed.message):
            how = "no signature of that key" if key else "which is not trusted here"
            raise BadSignature(
                f"{subject} is not signed by a trusted key",
                expected=self._expected(keys),
                found=f"key {signed.key_id[:SHORT_ID]}, {how}",
                where=where,
                hint=HINT,
            )
        return signed.payload, signed.key_id

    def _expected(self, keys: Iterable[str]) -> str:
        return f"a signature by {' or '.join(one[:SHORT_ID] for one in keys)} ({self._place})"

    def _files(self) -> list[Path]:
        try:
            if not self._place.is_dir():
                return [self._place]
            # A mounted ConfigMap has hidden folders beside its files.
            visible = (one for one in self._place.iterdir() if not one.name.startswith("."))
            return sorted(one for one in visible if one.is_file())
        except OSError as error:
            raise _unusable(type(error).__name__, self._place) from error


def _keys_in(file: Path) -> Iterator[PublicKey]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _unusable(type(error).__name__, file) from error
    if PRIVATE.search(data):
        raise _unusable("a private key", file)
    blocks = PUBLIC.findall(data)
    if not blocks:
        raise _unusable("no public key", file)
    for block in blocks:
        try:
            key = load_pem_public_key(block)
        except ValueError as error:
            raise _unusable("a damaged key", file) from error
        yield supported(key, where=str(file))


def _unusable(found: str, place: Path) -> BadParameter:
    return BadParameter(
        "the trusted keys of model versions cannot be read",
        expected="a PEM file of public keys, or a folder of such files",
        found=found,
        where=f"{place} (SLIPWAY_TRUSTED_KEYS)",
        hint="`slipway keys new` makes a pair; the public half belongs here",
    )
