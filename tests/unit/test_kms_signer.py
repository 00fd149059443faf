"""A signing key in AWS KMS, on moto's server."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto.kms.utils import ECDSAPrivateKey

from slipway.adapters.signatures import TrustedKeys, open_signer
from slipway.adapters.signatures.public_keys import pem_of, supported
from slipway.errors import BadParameter, KeyServiceUnavailable
from slipway.stages.model.manifest import MANIFEST, seal
from slipway.stages.model.signature import SIGNATURE, sign_manifest, verify_folder
from tests.conftest import free_port

pytestmark = pytest.mark.usefixtures("s3_store")


def made_key(spec: str) -> str:
    """Id of a new key that signs."""
    answer = boto3.client("kms").create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    key: str = answer["KeyMetadata"]["KeyId"]
    return key


@pytest.fixture
def signs_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make moto sign a digest as AWS does; it hashes what it gets a second time."""

    def sign(key: ECDSAPrivateKey, message: bytes, signing_algorithm: str) -> bytes:
        assert signing_algorithm in key.valid_signing_algorithms
        signature: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return signature

    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign)


@pytest.mark.usefixtures("signs_digests")
def test_a_key_of_kms_signs_versions(tmp_path: Path) -> None:
    """By its alias; its public half verifies them without AWS."""
    key = made_key("ECC_NIST_P256")
    boto3.client("kms").create_alias(AliasName="alias/slipway", TargetKeyId=key)
    der = boto3.client("kms").get_public_key(KeyId=key)["PublicKey"]
    public = tmp_path / "public"
    public.write_bytes(pem_of(supported(load_der_public_key(der), where="")))
    (tmp_path / "version").mkdir()
    seal(tmp_path / "version", {"model": "sales"})
    manifest = (tmp_path / "version" / MANIFEST).read_bytes()
    signer = open_signer("kms://alias/slipway")
    bundle = sign_manifest("sales", manifest, key_id=signer.key_id, sign=signer.sign)
    (tmp_path / "version" / SIGNATURE).write_bytes(bundle)
    verify_folder(tmp_path / "version", TrustedKeys(public), model="sales")


def test_a_key_that_kms_cannot_sign_with_is_refused() -> None:
    """An unknown one, and one of RSA, with the rights or the kind that is needed."""
    with pytest.raises(BadParameter, match=r"(?s)kms:Sign.*NotFoundException.*kms://alias/none"):
        _ = open_signer("kms://alias/none").key_id
    with pytest.raises(BadParameter, match=r"(?s)ECC_NIST_P256.*RSAPublicKey"):
        _ = open_signer(f"kms://{made_key('RSA_2048')}").key_id


def test_kms_that_does_not_answer_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is a transient one."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(KeyServiceUnavailable, match="EndpointConnectionError"):
        _ = open_signer("kms://alias/slipway").key_id
