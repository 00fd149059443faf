"""Bearer tokens by client name; the file holds digests only, and is read again when it changes.

A line of the file: the client's name, white space, the SHA-256 of its token in hexadecimal.
A client may have two lines while its token is rotated. `#` begins a comment.
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
LOOK_SECONDS = 1.0
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s+(?P<digest>[0-9a-f]{64})")

logger = logging.getLogger(__name__)


def make_token() -> str:
    """A fresh token of 256 random bits."""
    return secrets.token_urlsafe(32)


def line_of(name: str, token: str) -> str:
    """The line of a tokens file that lets a client in.

    Raises:
        BadParameter: The name cannot stand in such a file.
    """
    line = f"{name} {_digest(token)}"
    if not _LINE.fullmatch(line):
        raise BadParameter(
            f"{name!r} cannot name a client", expected="letters, digits, dots, dashes, underscores"
        )
    return line


class TokensFile:
    """Who may ask, by a tokens file.

    Args:
        file: The tokens file.

    Raises:
        BadParameter: The file cannot be read, or a line of it is wrong.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names = read_tokens(file)
        self._seen = _state(file)
        self._looked_at = time.monotonic()

    def client(self, authorization: str | None) -> str | None:
        """The name of the client that a header proves, or None.

        Args:
            authorization: The `Authorization` header as it arrived.
        """
        self._look()
        if authorization is None or not authorization.lower().startswith(SCHEME):
            return None
        offered = _digest(authorization[len(SCHEME) :].strip())
        found = None
        # Every line is compared, each in constant time: no answer comes sooner than another.
        for digest, name in self._names:
            if hmac.compare_digest(digest, offered):
                found = name
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        state = _state(self._file)
        if state == self._seen:
            return
        try:
            self._names = read_tokens(self._file)
        except BadParameter as error:
            logger.warning("the tokens stay as they were: %s", error)
        else:
            logger.info("%d tokens were read from %s", len(self._names), self._file)
        self._seen = state


def read_tokens(file: Path) -> list[tuple[str, str]]:
    """Digest and client name of each line.

    Raises:
        BadParameter: The file cannot be read, a line of it is wrong, or it lets nobody in.
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
                "a line of the tokens file is wrong",
                expected="a client's name and the SHA-256 of its token",
                where=f"{file}:{number}",
                hint="`slipway token NAME` prints such a line",
            )
    if not tokens:
        raise BadParameter(
            "the tokens file lets nobody in",
            where=str(file),
            hint="unset SLIPWAY_TOKENS_FILE to let everybody in",
        )
    return tokens


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ino, about.st_size


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
