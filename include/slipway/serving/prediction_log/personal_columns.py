"""Hash or drop personal columns before they are written to the prediction log.

Runs in model servers. The model itself gets the raw values.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway.errors import BadParameter
from slipway.stages.ports.raw_column import Kind

HASH = "hash"
DROP = "drop"
MIN_KEY_BYTES = 16
HASH_CHARACTERS = 32


class PersonalColumns:
    """Personal columns of one model version and their treatment.

    Invariant: with the same key, equal values have equal hashes in every column, model and
    installation; without the key a hash reveals nothing, even for columns with few values.

    Args:
        pii: `hash` or `drop` by column; other columns are logged unchanged.
        key_file: File with the secret key; surrounding white space is stripped.

    Raises:
        BadParameter: A column is hashed and the key is missing or too short, or a treatment is
            neither `hash` nor `drop`.
    """

    def __init__(self, pii: Mapping[str, str], key_file: Path | None) -> None:
        for name, treatment in pii.items():
            if treatment not in (HASH, DROP):
                raise BadParameter(
                    f"the treatment of personal column {name!r} is unknown",
                    expected=f"{HASH} or {DROP}",
                    found=str(treatment),
                )
        self._dropped = frozenset(name for name in pii if pii[name] == DROP)
        self._hashed = frozenset(name for name in pii if pii[name] == HASH)
        self._hash = hasher(_read_key(key_file, sorted(self._hashed))) if self._hashed else None

    def columns(self, columns: Sequence[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
        """Columns of a segment's header: without dropped columns, hashed ones as strings."""
        return [
            (name, "string" if name in self._hashed else kind)
            for name, kind in columns
            if name not in self._dropped
        ]

    def values(self, columns: Mapping[str, list[Any]]) -> list[list[Any]]:
        """Values of a record, in the order of `columns`; None stays None."""
        if self._hash is None and not self._dropped:
            return list(columns.values())
        return [
            values
            if self._hash is None or name not in self._hashed
            else list(map(self._hash, values))
            for name, values in columns.items()
            if name not in self._dropped
        ]


def hasher(key: bytes) -> Callable[[float | str | None], str | None]:
    """Return a function: HMAC-SHA256 in 32 hexadecimal characters; numbers are hashed as floats."""

    def hashed(value: float | str | None) -> str | None:
        if value is None:
            return None
        text = value if isinstance(value, str) else repr(float(value))
        digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:HASH_CHARACTERS]

    return hashed


def _read_key(path: Path | None, columns: Sequence[str]) -> bytes:
    hint = "set SLIPWAY_PII_KEY_FILE to a file only the server can read: openssl rand -hex 32"
    expected = f"a file with at least {MIN_KEY_BYTES} bytes"
    message = f"the key to hash {', '.join(columns)} is missing or unusable"
    if path is None:
        raise BadParameter(message, expected=expected, hint=hint)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise BadParameter(
            message, expected=expected, found=error.strerror, where=str(path), hint=hint
        ) from error
    if len(key) < MIN_KEY_BYTES:
        raise BadParameter(
            message, expected=expected, found=f"{len(key)} bytes", where=str(path), hint=hint
        )
    return key
