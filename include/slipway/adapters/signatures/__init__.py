"""Sign model versions by a key in a file or in AWS KMS, and verify them by public keys."""

from slipway.adapters.signatures.key_signer import open_signer
from slipway.adapters.signatures.trusted_keys import TrustedKeys

__all__ = ["TrustedKeys", "open_signer"]
