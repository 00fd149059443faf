"""Signatures port: sign model versions, and verify them before they are used."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """A private key."""

    @property
    def key_id(self) -> str:
        """Id of the key, by which its public half is found."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message.

        Raises:
            BadParameter: The key cannot be used.
            KeyServiceUnavailable: The service that holds the key does not answer.
        """


class Verifier(Protocol):
    """The public keys whose signatures are accepted."""

    def key_ids(self) -> list[str]:
        """Ids of the keys.

        Raises:
            BadParameter: The keys cannot be read.
        """

    def verify(
        self,
        bundle: bytes | None,
        *,
        model: str,
        sha256: str,
        where: str,
        version: int | None = None,
    ) -> str:
        """Return the id of the trusted key that signed a version.

        Args:
            bundle: The version's signature; None: it has none.
            model: Name of the model that the version is to be loaded as.
            sha256: Digest of the version's manifest.
            where: Address of the signature.
            version: Number of the version, for errors; None: not known.

        Raises:
            BadSignature: The version is not signed by a trusted key.
            BadParameter: The keys cannot be read.
        """

    def open_bundle(self, bundle: bytes, *, subject: str, where: str) -> bytes:
        """Return the statement in a bundle that a trusted key signed.

        Args:
            bundle: The bundle.
            subject: What it is a signature of, for errors.
            where: Its address.

        Raises:
            BadSignature: It is no bundle, or no trusted key signed it.
            BadParameter: The keys cannot be read.
        """
