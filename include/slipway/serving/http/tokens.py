"""Tokens file: digests of bearer tokens by client name, reloaded when the file changes.

Each line has a client's name, white space and the SHA-256 of its token in hexadecimal.
A client may have two lines while its token is rotated. `#` starts a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from pathlib import Path

from slipway.errors import BadParameter

SCHEME = "bearer "
RELOAD_SECONDS = 1.0
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s+(?P<digest>[0-9a-f]{64})")

logger = logging.getLogger(__name__)


def make_token() -> str:
    """Create a random token of 256 bits."""
    return secrets.token_urlsafe(32)


def line_of(name: str, token: str) -> str:
    """Line of a tokens file for a client's token.

    Raises:
        BadParameter: The name is invalid.
    """
    line = f"{name} {digest_of(token)}"
    if not _LINE.fullmatch(line):
        raise BadParameter(
            f"the client name {name!r} is invalid",
            expected="letters, digits, dots, dashes, underscores",
        )
    return line


class TokensFile:
    """Clients and their tokens, from a tokens file.

    Args:
        file: The tokens file.

    Raises:
        BadParameter: The file cannot be read, or a line is invalid.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names = read_tokens(file)
        self._seen = _state(file)
        self._checked_at = time.monotonic()

    def client(self, authorization: str | None) -> str | None:
        """Name of the client whose token is in a header, or None.

        Args:
            authorization: The `Authorization` header.
        """
        self._reload_if_changed()
        offered = _digest_in(authorization)
        if offered is None:
            return None
        found = None
        # All lines are compared in constant time, so that timing reveals nothing.
        for digest, name in self._names:
            if hmac.compare_digest(digest, offered):
                found = name
        return found

    def _reload_if_changed(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < RELOAD_SECONDS:
            return
        self._checked_at = now
        state = _state(self._file)
        if state == self._seen:
            return
        try:
            self._names = read_tokens(self._file)
        except BadParameter as error:
            logger.warning("the tokens file is not reloaded: %s", error)
        else:
            logger.info("read %d tokens from %s", len(self._names), self._file)
        self._seen = state


def read_tokens(file: Path) -> list[tuple[str, str]]:
    """Read digest and client name of each line.

    Raises:
        BadParameter: The file cannot be read, a line is invalid, or there is no token.
    """
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameter(
            "the tokens file cannot be read", found=type(error).__name__, where=str(file)
        ) from error
    tokens = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        match = _LINE.fullmatch(text)
        if match:
            tokens.append((match["digest"], match["name"]))
        elif text:
            raise BadParameter(
                "a line of the tokens file is invalid",
                expected="a client's name and the SHA-256 of its token",
                where=f"{file}:{number}",
                hint="`slipway token NAME` prints such a line",
            )
    if not tokens:
        raise BadParameter(
            "the tokens file has no tokens",
            where=str(file),
            hint="unset SLIPWAY_TOKENS_FILE to serve without authentication",
        )
    return tokens


def is_token_of(authorization: str | None, digest: str) -> bool:
    """Whether a header bears the token of a digest.

    Args:
        authorization: The `Authorization` header.
        digest: SHA-256 of the token.
    """
    offered = _digest_in(authorization)
    return offered is not None and hmac.compare_digest(digest, offered)


def _digest_in(authorization: str | None) -> str | None:
    """SHA-256 of the bearer token in a header, if there is one."""
    if authorization is None or not authorization.lower().startswith(SCHEME):
        return None
    return digest_of(authorization[len(SCHEME) :].strip())


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ino, about.st_size


def digest_of(token: str) -> str:
    """SHA-256 of a token, as its line has it."""
    return hashlib.sha256(token.encode()).hexdigest()
