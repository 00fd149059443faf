"""Options of servers (limits, log, TLS, tokens), made from settings and passed to children."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    # A server image does not have the library that reads settings.
    from slipway.settings import Settings

MIB = 1 << 20


@dataclass(frozen=True)
class Options:
    """Limits, log and security of a server; evaluating its `repr` gives an equal value.

    Attributes:
        roll_seconds: Age at which a prediction-log segment is released to the shipper.
        fsync: Whether a response waits until its log record is synced to the disk.
        min_free_bytes: Minimum of free space on the log's disk; below it requests are refused.
        pii_key_file: Key for hashing personal columns.
        max_body_bytes: Limit on the body of a request.
        max_rows: Limit on the rows of a request.
        explain_rows: Limit on the rows of a request with `explain`.
        explain_seconds: Limit on the time of an explanation, with the wait for earlier ones.
        max_waiting: Limit on requests that wait for the model.
        request_seconds: Limit on the time that a request takes to arrive.
        max_connections: Limit on connections at a time, besides those kept for probes.
        max_connections_per_address: Limit on those of one address.
        max_held_bytes: Limit on the bytes of all bodies that arrive or wait for the model.
        allowed_hosts: Host names under which the server answers, besides addresses.
        parent_digest: SHA-256 of the token with which the parent process asks for health.
        tokens_file: File with the tokens of clients; None: no authentication.
        trusted_keys: Public keys, by one of which a version has to be signed; None: by none.
        tls_certificate: PEM file of the certificate; None: plain HTTP.
        tls_key: PEM file of its private key.
    """

    roll_seconds: float = 2.0
    fsync: bool = False
    min_free_bytes: int = 64 * MIB
    pii_key_file: Path | None = None
    max_body_bytes: int = 16 * MIB
    max_rows: int = 20_000
    explain_rows: int = 32
    explain_seconds: float = 2.0
    max_waiting: int = 512
    request_seconds: float = 30.0
    max_connections: int = 900
    max_connections_per_address: int = 600
    max_held_bytes: int = 256 * MIB
    allowed_hosts: tuple[str, ...] = ()
    parent_digest: str | None = None
    tokens_file: Path | None = None
    trusted_keys: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Options from an installation's settings."""
        return cls(
            roll_seconds=settings.log_roll_seconds,
            fsync=settings.log_fsync,
            min_free_bytes=settings.log_min_free_mib * MIB,
            pii_key_file=settings.pii_key_file,
            max_body_bytes=settings.max_body_mib * MIB,
            max_rows=settings.max_rows,
            explain_rows=settings.explain_rows,
            explain_seconds=settings.explain_seconds,
            request_seconds=settings.request_seconds,
            max_connections=settings.max_connections,
            max_connections_per_address=settings.max_connections_per_address,
            max_held_bytes=settings.max_held_mib * MIB,
            allowed_hosts=tuple(settings.allowed_hosts.replace(",", " ").split()),
            tokens_file=settings.tokens_file,
            trusted_keys=settings.trusted_keys,
            tls_certificate=settings.tls_certificate,
            tls_key=settings.tls_key,
        )
