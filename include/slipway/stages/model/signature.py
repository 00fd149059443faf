"""Signature of a model version, as OpenSSF model-signing writes it; pure.

A Sigstore bundle holds a DSSE envelope, and that an in-toto statement: the model's name, and the
digest of each file of the version, its manifest's among them. The bundle lies beside these files.

Source: https://github.com/sigstore/model-transparency,
https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import BadSignature
from slipway.records.store import digest, parse_json
from slipway.stages.model.manifest import MANIFEST, parse, read_bytes
from slipway.stages.ports.signatures import Verifier

SIGNATURE = "model.sig"
"""Name of the bundle in a version's folder; no digest of the manifest covers it."""

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
SHORT_ID = 16

HINT = (
    "where the ledger knows the version, `slipway sign` signs it; else it was not promoted here, "
    "and `slipway bring` is the way for a version of another environment"
)


@dataclass(frozen=True)
class SignedStatement:
    """What a bundle holds, before its signature is verified.

    Attributes:
        key_id: Id of the key that the bundle names.
        payload: The statement, as it was signed.
        signature: Signature of `message`.
    """

    key_id: str
    payload: bytes
    signature: bytes

    @property
    def message(self) -> bytes:
        """The bytes that were signed: DSSE's pre-authentication encoding of the payload."""
        return pre_authentication_encoding(self.payload)


def pre_authentication_encoding(payload: bytes) -> bytes:
    """Return the bytes that DSSE signs for a payload."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def sign_manifest(
    model: str, manifest: bytes, *, key_id: str, sign: Callable[[bytes], bytes]
) -> bytes:
    """Return the bundle of a version.

    Args:
        model: Name of the model that the version may be loaded as.
        manifest: The version's manifest, whose digest was checked.
        key_id: Id of the key.
        sign: Signs a message with it.
    """
    return sign_payload(_statement(model, manifest), key_id=key_id, sign=sign)


def sign_payload(payload: bytes, *, key_id: str, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the bundle of an in-toto statement.

    Args:
        payload: The statement.
        key_id: Id of the key.
        sign: Signs a message with it.
    """
    signature = sign(pre_authentication_encoding(payload))
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_id}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle).encode()


def _statement(model: str, manifest: bytes) -> bytes:
    files = parse(manifest, sha256=None, where=MANIFEST)["files"]
    digests = sorted({**files, MANIFEST: digest(manifest)}.items())
    whole = hashlib.sha256(b"".join(bytes.fromhex(sha256) for _, sha256 in digests))
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": model, "digest": {"sha256": whole.hexdigest()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE],
            },
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": sha256} for name, sha256 in digests
            ],
        },
    }
    return json.dumps(statement, sort_keys=True).encode()


def parse_bundle(data: bytes, *, where: str) -> SignedStatement:
    """Parse a bundle; its signature is not verified.

    Raises:
        BadSignature: It is no such bundle.
    """
    try:
        bundle = parse_json(data)
        envelope = bundle["dsseEnvelope"]
        (one,) = envelope["signatures"]
        if (bundle["mediaType"], envelope["payloadType"]) == (BUNDLE_TYPE, PAYLOAD_TYPE):
            return SignedStatement(
                str(bundle["verificationMaterial"]["publicKey"]["hint"]),
                base64.b64decode(envelope["payload"], validate=True),
                base64.b64decode(one["sig"], validate=True),
            )
        found = f"{bundle['mediaType']} with {envelope['payloadType']}"
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        found = type(error).__name__
    raise BadSignature(
        "a signature cannot be read",
        expected=f"{BUNDLE_TYPE} with one signature of {PAYLOAD_TYPE}",
        found=found,
        where=where,
        hint=HINT,
    )


def write_signature(folder: Path, bundle: bytes) -> None:
    """Write a signature into the folder of a version, as a whole."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{SIGNATURE}-", delete=False) as file:
        file.write(bundle)
    Path(file.name).replace(folder / SIGNATURE)


def verify_folder(folder: Path, verifier: Verifier, *, model: str) -> None:
    """Raise unless the folder of a version has a signature by a trusted key.

    Args:
        folder: The version's folder; its files are checked by `open_sealed`.
        verifier: The public keys that are trusted.
        model: Name of the model that the version is to be loaded as.

    Raises:
        Tampered: There is no manifest.
        BadSignature: The version is not signed by a trusted key.
        BadParameter: The keys cannot be read.
    """
    where = folder / SIGNATURE
    bundle = where.read_bytes() if where.is_file() else None
    sha256 = digest(read_bytes(folder, MANIFEST))
    verifier.verify(bundle, model=model, sha256=sha256, where=str(where))


def check_statement(payload: bytes, *, model: str, sha256: str, where: str) -> None:
    """Raise unless a statement, whose signature holds, is about a version of a model.

    Args:
        payload: The statement.
        model: Name of the model that the version is to be loaded as.
        sha256: Digest of the version's manifest.
        where: Address of the signature.

    Raises:
        BadSignature: It is about another model, about other bytes, or no such statement.
    """
    expected = model, sha256
    try:
        statement = parse_json(payload)
        (subject,) = statement["subject"]
        kind = statement["_type"], statement["predicateType"]
        found = str(subject["name"]), _manifest_digest(statement["predicate"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        kind, found = (type(error).__name__, ""), ("", "")
    if kind == (STATEMENT_TYPE, PREDICATE_TYPE) and found == expected:
        return
    raise BadSignature(
        "the signature of a model version is about another version",
        expected=f"{STATEMENT_TYPE} on {model}, manifest sha256 {sha256}",
        found=f"{kind[0]} on {found[0]}, manifest sha256 {found[1]}",
        where=where,
        hint=HINT,
    )


def _manifest_digest(predicate: Mapping[str, Any]) -> str:
    """Digest that a predicate has for the manifest, once and by SHA-256."""
    named = (one for one in predicate["resources"] if one["name"] == MANIFEST)
    (one,) = named
    return str(one["digest"]) if one["algorithm"] == "sha256" else ""
