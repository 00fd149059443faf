"""Credentials and address of a bucket that is not this installation's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential


@dataclass(frozen=True)
class S3Access:
    """Credentials and address of a bucket that is not this installation's own.

    Attributes:
        key_id: Access key; empty: the credentials of the `AWS_…` variables.
        secret: Secret of the access key.
        session: Session token; None: the access key is not temporary.
        region: Region; empty: that of the `AWS_…` variables.
        endpoint: Address of the S3 server; empty: that of the `AWS_…` variables.
    """

    key_id: str = ""
    secret: str = field(default="", repr=False)
    session: str | None = field(default=None, repr=False)
    region: str = ""
    endpoint: str = ""

    def config(self) -> S3Config:
        """Return obstore's configuration where it differs from the `AWS_…` variables."""
        config: S3Config = {}
        if self.region:
            config["region"] = self.region
        if self.endpoint:
            config["endpoint"] = self.endpoint
        return config

    def credentials(self) -> Callable[[], S3Credential] | None:
        """Return a provider of the credentials; None: the `AWS_…` variables provide them.

        Keys in obstore's configuration would be combined with the session token of the `AWS_…`
        variables; a provider's are not.
        """
        if not self.key_id:
            return None
        held: S3Credential = {
            "access_key_id": self.key_id,
            "secret_access_key": self.secret,
            "token": self.session,
            "expires_at": None,
        }
        return lambda: held


def client_options() -> ClientConfig:
    """Return the time limits of requests, and whether an address may be without TLS."""
    allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true", "yes"}
    return {"allow_http": allow_http, "connect_timeout": "5s", "timeout": "60s"}
