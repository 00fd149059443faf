"""Sign by a key that never leaves AWS KMS; needs boto3.

Only by ECDSA, of which KMS takes a digest: of Ed25519 it takes the message itself, at most 4,096
bytes, and the statement on a version is longer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from slipway.adapters.signatures.public_keys import HASHES, PublicKey, id_of, supported
from slipway.errors import BadParameter, KeyServiceUnavailable

SCHEME = "kms://"
ANSWER_WITHIN_S = 20
TRIED_AGAIN = frozenset(
    {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException"}
)

Result = TypeVar("Result")


class KmsSigner:
    """Fulfils the `Signer` port with a key of AWS KMS.

    Args:
        key: Its id, ARN, or `alias/…`; credentials and region come from the `AWS_…` variables.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    @cached_property
    def public_key(self) -> PublicKey:
        """The public half of the key.

        Raises:
            BadParameter: KMS refuses it, or it cannot sign by ECDSA.
            KeyServiceUnavailable: KMS does not answer.
        """
        answer = self._ask(lambda kms: kms.get_public_key(KeyId=self._key))
        key = load_der_public_key(answer["PublicKey"])
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise BadParameter(
                "a key of AWS KMS cannot sign model versions",
                expected="a key of ECC_NIST_P256, ECC_NIST_P384 or ECC_NIST_P521",
                found=type(key).__name__,
                where=f"{SCHEME}{self._key}",
                hint="create one with the usage SIGN_VERIFY",
            )
        return supported(key, where=f"{SCHEME}{self._key}")

    @property
    def key_id(self) -> str:
        """Id of the key, that of its public half."""
        return id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, of which only a digest leaves this process.

        Raises:
            BadParameter: KMS refuses it.
            KeyServiceUnavailable: KMS does not answer.
        """
        assert isinstance(self.public_key, ec.EllipticCurvePublicKey)  # noqa: S101
        kind = HASHES[self.public_key.curve.name]
        answer = self._ask(
            lambda kms: kms.sign(
                KeyId=self._key,
                Message=hashlib.new(kind.name, message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=f"ECDSA_SHA_{kind.digest_size * 8}",
            )
        )
        signature: bytes = answer["Signature"]
        return signature

    def _ask(self, request: Callable[[Any], Result]) -> Result:
        where = f"{SCHEME}{self._key}"
        try:
            import boto3
            from botocore import exceptions
            from botocore.config import Config
        except ImportError as error:
            raise BadParameter(
                "a signing key in AWS KMS needs boto3, which is not installed",
                expected="an image with the lock of Airflow or of stages",
                where=f"{where} (SLIPWAY_SIGNING_KEY)",
            ) from error
        try:
            limits = Config(connect_timeout=5, read_timeout=ANSWER_WITHIN_S)
            return request(boto3.client("kms", config=limits))
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise _unavailable(type(error).__name__, where) from error
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            answer = getattr(error, "response", {})
            code = answer.get("Error", {}).get("Code", type(error).__name__)
            if code in TRIED_AGAIN:
                raise _unavailable(code, where) from error
            raise BadParameter(
                "AWS KMS refuses to sign model versions",
                expected="a key of this account, and the rights kms:GetPublicKey and kms:Sign",
                found=code,
                where=where,
                hint="credentials and region are those of the AWS_… variables",
            ) from error


def _unavailable(found: str, where: str) -> KeyServiceUnavailable:
    return KeyServiceUnavailable("AWS KMS does not answer", found=found, where=where)
