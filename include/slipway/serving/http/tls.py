"""TLS of a server: load the certificate and private key named by the options."""

from __future__ import annotations

import ssl
from typing import Any

import uvicorn

from slipway.errors import BadParameter
from slipway.serving.server_options import Options


def tls_settings(options: Options) -> dict[str, Any]:
    """Settings of uvicorn for TLS; plain HTTP without a certificate."""
    return {"ssl_certfile": options.tls_certificate, "ssl_keyfile": options.tls_key}


def load_with_tls(config: uvicorn.Config, options: Options) -> None:
    """Load a configuration of uvicorn, including its certificate and key.

    Raises:
        BadParameter: The TLS files are unusable.
    """
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise BadParameter(
            "the TLS files are unusable",
            expected="a PEM certificate and its private key",
            found=f"{type(error).__name__}: {error}",
            where=f"{options.tls_certificate}, {options.tls_key}",
        ) from error
