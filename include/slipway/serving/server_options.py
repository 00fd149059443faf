"""What one installation asks of each of its servers; made from settings, handed to children."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    # A server is started with options, and without the library that reads settings.
    from slipway.settings import Settings

MIB = 1 << 20


@dataclass(frozen=True)
class Options:
    """Limits, log and security of a server; its `repr` makes the same value again.

    Attributes:
        roll_seconds: A prediction-log segment is handed to the shipper after so long.
        fsync: Whether an answer waits until its log record is on the disk.
        min_free_bytes: With less free on the log's disk nothing is answered.
        pii_key_file: Key of hashed personal columns.
        max_body_bytes: A larger request is refused.
        max_rows: So is one with more rows.
        max_waiting: Requests that may wait for the model; more are turned away.
        request_seconds: A request that takes longer to arrive is refused.
        tokens_file: Who may ask; None: anybody.
        tls_certificate: PEM file of the certificate; None: plain HTTP.
        tls_key: PEM file of its key.
    """

    roll_seconds: float = 2.0
    fsync: bool = False
    min_free_bytes: int = 64 * MIB
    pii_key_file: Path | None = None
    max_body_bytes: int = 16 * MIB
    max_rows: int = 20_000
    max_waiting: int = 512
    request_seconds: float = 30.0
    tokens_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The options that an installation's settings name."""
        return cls(
            roll_seconds=settings.log_roll_seconds,
            fsync=settings.log_fsync,
            min_free_bytes=settings.log_min_free_mib * MIB,
            pii_key_file=settings.pii_key_file,
            max_body_bytes=settings.max_body_mib * MIB,
            max_rows=settings.max_rows,
            request_seconds=settings.request_seconds,
            tokens_file=settings.tokens_file,
            tls_certificate=settings.tls_certificate,
            tls_key=settings.tls_key,
        )
