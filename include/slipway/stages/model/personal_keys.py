"""Secret keys of personal columns, and the keyed hashes that stand for their values.

Used in stages and in model servers, by the same version with the same key, so that a model learns
and scores the same texts.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipway.errors import BadParameter

KEY_ID = "pii_key"
"""Entry of a version's manifest: id of the key by which its personal features are hashed."""

MIN_KEY_BYTES = 16
HASH_CHARACTERS = 32
HINT = (
    "add a line to the file that SLIPWAY_PII_KEY_FILE names, which only Slipway can read: "
    "openssl rand -hex 32"
)
RESTORE = (
    "put the line of that key back, from a backup of the file that SLIPWAY_PII_KEY_FILE names; "
    "no new key takes its place"
)

Hash = Callable[[float | str | None], str | None]


@dataclass(frozen=True)
class PersonalKeys:
    """Keys of an installation, the newest last.

    Invariant: equal values have equal hashes in one column under one key, and in no other column;
    without the key a hash reveals nothing, even for columns with few values.

    Attributes:
        keys: Secrets of at least 16 bytes.
        where: File or variable that they are from; None: none is configured.
        problem: Why some of it could not be read. It is raised where a key is needed that is not
            among the others: versions without personal columns, and those whose key is there, go
            on while the file is mended.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)
    where: str | None = None
    problem: BadParameter | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> PersonalKeys:
        """Return the keys in a text, one on each line; a line that is too short is a problem."""
        lines = {at: line.strip() for at, line in enumerate(data.splitlines(), 1) if line.strip()}
        keys = tuple(line for line in lines.values() if len(line) >= MIN_KEY_BYTES)
        short = next((at for at, line in lines.items() if len(line) < MIN_KEY_BYTES), None)
        if short is None:
            return cls(keys, where)
        problem = BadParameter(
            "a key of personal columns is too short",
            expected=f"at least {MIN_KEY_BYTES} bytes on each line",
            found=f"{len(lines[short])} bytes on line {short}",
            where=where,
            hint=HINT,
        )
        return cls(keys, where, problem)

    @classmethod
    def read(cls, path: Path | None) -> PersonalKeys:
        """Return the keys in a file; none without one. One that cannot be read is a problem."""
        if path is None:
            return cls()
        try:
            return cls.parse(path.read_bytes(), where=str(path))
        except OSError as error:
            problem = BadParameter(
                "the keys of personal columns cannot be read",
                expected="a file with a key on each line",
                found=error.strerror,
                where=str(path),
                hint=HINT,
            )
            return cls((), str(path), problem)

    def newest(self, columns: Collection[str]) -> str:
        """Return the id of the key that new versions get.

        Raises:
            BadParameter: There is no key, or not all of them could be read.
        """
        if self.problem is not None:
            raise self.problem
        return self.newest_readable(columns)

    def newest_readable(self, columns: Collection[str]) -> str:
        """Return the id of the newest key that could be read.

        Raises:
            BadParameter: There is none.
        """
        if not self.keys:
            raise self._missing(columns, "a key of at least 16 bytes")
        return key_id(self.keys[-1])

    def until(self, key: str) -> PersonalKeys:
        """Return the keys of the time when that one was the newest.

        Raises:
            BadParameter: There is no key of that id.
        """
        ids = [key_id(one) for one in self.keys]
        if key not in ids:
            raise self._missing(["personal columns"], f"the key {key}", hint=RESTORE)
        return replace(self, keys=self.keys[: ids.index(key) + 1])

    def hashes(self, columns: Collection[str], *, key: str) -> Mapping[str, Hash]:
        """Return the hash function of each column.

        Args:
            columns: Personal columns.
            key: Id of the key.

        Raises:
            BadParameter: There is no key of that id.
        """
        secret = next((one for one in self.keys if key_id(one) == key), None)
        if secret is None:
            raise self._missing(columns, f"the key {key}", hint=RESTORE)
        return {name: _hash(_derived(secret, f"slipway column {name}")) for name in columns}

    def _missing(
        self, columns: Collection[str], expected: str, *, hint: str = HINT
    ) -> BadParameter:
        if self.problem is not None:
            return self.problem
        return BadParameter(
            f"the key to hash {', '.join(sorted(columns))} is missing",
            expected=expected,
            found=", ".join(map(key_id, self.keys)) or "no key",
            where=self.where or "SLIPWAY_PII_KEY_FILE",
            hint=hint,
        )


NO_KEYS = PersonalKeys()


def key_id(key: bytes) -> str:
    """Return the public id of a key, which is derived from it and tells nothing about it."""
    return _derived(key, "slipway key id").hex()[:16]


def _derived(key: bytes, info: str) -> bytes:
    """One block of HKDF-Expand.

    Source: RFC 5869, section 2.3.
    """
    return hmac.digest(key, info.encode("utf-8", "surrogatepass") + b"\x01", "sha256")


def _hash(key: bytes) -> Hash:
    """Return HMAC-SHA256 in 32 hexadecimal characters; numbers are hashed as floats."""

    def hashed(value: float | str | None) -> str | None:
        if value is None:
            return None
        text = value if isinstance(value, str) else repr(float(value))
        digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:HASH_CHARACTERS]

    return hashed
