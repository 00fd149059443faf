"""Keys that sign model versions, made for one test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slipway.adapters.signatures import TrustedKeys, open_signer
from slipway.adapters.signatures.new_keys import make_keys
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.sign_version import Signing
from slipway.stages.model.signature import SIGNATURE, sign_manifest
from slipway.stages.ports.signatures import Signer


@dataclass(frozen=True)
class Keys:
    """A pair of keys in files.

    Attributes:
        private: File of the private key.
        public: File of the public key.
        key_id: Id of both.
    """

    private: Path
    public: Path
    key_id: str

    @classmethod
    def make(cls, folder: Path, name: str = "slipway", *, kind: str = "ecdsa-p256") -> Keys:
        """A new pair in a folder."""
        private, public = folder / f"{name}.key.pem", folder / f"{name}.pub.pem"
        return cls(private, public, make_keys(private, public, kind=kind))

    @property
    def verifier(self) -> TrustedKeys:
        """A verifier that trusts this key alone."""
        return TrustedKeys(self.public)

    @property
    def signer(self) -> Signer:
        """A signer with the private key."""
        return open_signer(str(self.private))

    @property
    def signing(self) -> Signing:
        """The keys of an installation that trusts its own signatures alone."""
        return Signing(self.signer, self.verifier)

    def bundle(self, folder: Path, model: str) -> bytes:
        """The signature of a version's folder."""
        manifest = (folder / MANIFEST).read_bytes()
        signer = open_signer(str(self.private))
        return sign_manifest(model, manifest, key_id=signer.key_id, sign=signer.sign)

    def sign(self, folder: Path, model: str) -> None:
        """Put a signature into a version's folder."""
        (folder / SIGNATURE).write_bytes(self.bundle(folder, model))
