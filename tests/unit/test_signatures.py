"""Signatures of model versions: what is accepted, and by which keys."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from slipway.adapters.signatures import TrustedKeys, open_signer
from slipway.errors import BadParameter, BadSignature
from slipway.stages.model.manifest import seal
from slipway.stages.model.signature import SIGNATURE, parse_bundle, verify_folder
from tests.support.keys import Keys


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """The folder of a version of `sales`."""
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / "model.skops").write_bytes(b"model")
    seal(folder, {"model": "sales"})
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A pair of keys."""
    return Keys.make(tmp_path)


def changed(bundle: bytes, *, payload: dict[str, object]) -> bytes:
    """A bundle with another statement, and the same signature."""
    made = json.loads(bundle)
    statement = json.loads(base64.b64decode(made["dsseEnvelope"]["payload"])) | payload
    made["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(made).encode()


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ed25519"])
def test_a_version_is_accepted_by_the_key_that_signed_it(
    version: Path, tmp_path: Path, kind: str
) -> None:
    """Both kinds of keys, and a folder with several of them."""
    folder = tmp_path / "trusted"
    folder.mkdir()
    keys, other = Keys.make(folder, "one", kind=kind), Keys.make(folder, "other")
    for file in (keys.private, other.private):
        file.rename(tmp_path / file.name)
    (folder / "..data").mkdir()
    signer = Keys(tmp_path / "one.key.pem", keys.public, keys.key_id)
    signer.sign(version, "sales")
    verify_folder(version, keys.verifier, model="sales")
    verify_folder(version, TrustedKeys(folder), model="sales")
    with pytest.raises(BadSignature, match=r"(?s)not trusted here.*hint: where the ledger"):
        verify_folder(version, other.verifier, model="sales")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_keys_of_larger_curves_sign(
    version: Path, tmp_path: Path, curve: ec.EllipticCurve, keys: Keys
) -> None:
    """As OpenSSF model-signing takes them."""
    key = ec.generate_private_key(curve)
    private, public = tmp_path / "private", tmp_path / "public"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # One file with two keys, as while they rotate.
    public.write_bytes(keys.public.read_bytes() + pem)
    Keys(private, public, "").sign(version, "sales")
    verify_folder(version, TrustedKeys(public), model="sales")


def test_an_unsigned_version_is_refused(version: Path, keys: Keys) -> None:
    """The error names the key that is expected, the place, and the way to a signature."""
    with pytest.raises(BadSignature) as refused:
        verify_folder(version, keys.verifier, model="sales")
    told = str(refused.value)
    assert "a version of sales is not signed" in told
    assert keys.key_id[:16] in told
    assert str(version / SIGNATURE) in told
    assert "`slipway sign`" in told


def test_a_signature_is_no_other_models(version: Path, keys: Keys) -> None:
    """The same bytes under the name of another model are refused."""
    keys.sign(version, "sales")
    with pytest.raises(BadSignature, match=r"on costs, .*\n.*on sales, "):
        verify_folder(version, keys.verifier, model="costs")


def test_a_signature_is_no_other_versions(version: Path, keys: Keys) -> None:
    """A manifest that was sealed anew does not take the signature of the one before."""
    keys.sign(version, "sales")
    bundle = (version / SIGNATURE).read_bytes()
    (version / SIGNATURE).unlink()
    (version / "model.skops").write_bytes(b"another")
    seal(version, {"model": "sales"})
    (version / SIGNATURE).write_bytes(bundle)
    with pytest.raises(BadSignature, match="about another version"):
        verify_folder(version, keys.verifier, model="sales")


@pytest.mark.parametrize(
    "payload", [{"subject": [{"name": "costs", "digest": {"sha256": ""}}]}, {"_type": "other"}]
)
def test_a_changed_statement_is_refused(
    version: Path, keys: Keys, payload: dict[str, object]
) -> None:
    """The signature covers every byte of it."""
    (version / SIGNATURE).write_bytes(changed(keys.bundle(version, "sales"), payload=payload))
    with pytest.raises(BadSignature, match="no signature of that key"):
        verify_folder(version, keys.verifier, model="costs")


def test_a_statement_of_another_type_is_refused(
    version: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A genuine signature of something that is no statement on a model counts for nothing."""
    with monkeypatch.context() as patched:
        patched.setattr("slipway.stages.model.signature.PREDICATE_TYPE", "https://other/v1")
        keys.sign(version, "sales")
    with pytest.raises(BadSignature, match="about another version"):
        verify_folder(version, keys.verifier, model="sales")


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        (
            b'{"mediaType": "a", "verificationMaterial": {"publicKey": {"hint": "b"}}, '
            b'"dsseEnvelope": {"payload": "", "payloadType": "c", "signatures": [{"sig": ""}]}}'
        ),
        b'{"dsseEnvelope": {"signatures": []}}',
        b'{"dsseEnvelope": {"signatures": [{}, {}]}}',
    ],
)
def test_what_is_no_bundle_is_refused(bundle: bytes) -> None:
    """With the expected format and the place."""
    with pytest.raises(BadSignature, match=r"(?s)cannot be read.*bundle\.v0\.3.*where: here"):
        parse_bundle(bundle, where="here")


def test_trusted_keys_that_cannot_be_read_are_an_error(tmp_path: Path, keys: Keys) -> None:
    """An absent file, an empty folder or a file without keys never means that none is needed."""
    empty, text, damaged = tmp_path / "empty", tmp_path / "text", tmp_path / "damaged"
    empty.mkdir()
    text.write_text("no key")
    damaged.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    for place in (tmp_path / "absent", empty, text, damaged):
        with pytest.raises(BadParameter, match=r"(?s)SLIPWAY_TRUSTED_KEYS.*hint"):
            TrustedKeys(place).keys()
    with pytest.raises(BadParameter, match="a private key"):
        TrustedKeys(keys.private).keys()


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    """RSA and other curves, and a private key with a password."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    for key in (rsa_key, ec.generate_private_key(ec.SECP256K1())):
        public = tmp_path / "public"
        public.write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        with pytest.raises(BadParameter, match="P-256, P-384 or P-521, or Ed25519"):
            TrustedKeys(public).keys()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(BadParameter, match="P-256, P-384 or P-521, or Ed25519"):
            open_signer(pem.decode())
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    for given in (locked.decode(), str(tmp_path / "absent"), "-----BEGIN nothing"):
        with pytest.raises(BadParameter, match="signing key cannot be read"):
            open_signer(given)


def test_a_signing_key_may_be_the_variable_itself(keys: Keys) -> None:
    """As a secret store hands it to a container; the error of a bad one does not repeat it."""
    signer = open_signer(keys.private.read_text())
    assert signer.key_id == keys.key_id
    with pytest.raises(BadParameter) as refused:
        open_signer("-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----")
    assert "hidden" not in str(refused.value)
