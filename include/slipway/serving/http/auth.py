"""Who may ask: an application behind bearer tokens; health and metrics stay open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.serving.http.server import error_response
from slipway.serving.http.tokens import TokensFile

OPEN_PREFIX = "/v2/health/"
OPEN_PATHS = frozenset({"/metrics"})


def require_token(
    app: ASGIApp, tokens_file: Path | None, *, refused: Callable[[], None]
) -> ASGIApp:
    """An application that only those who are named in a file may ask; no file: anybody.

    Args:
        app: The application.
        tokens_file: Who may ask.
        refused: Called whenever somebody is turned away.

    Raises:
        BadParameter: The file cannot be used.
    """
    return TokenAuth(tokens_file, refused=refused).before(app)


class TokenAuth:
    """Lets in who offers a token that is known; without a file everybody.

    Args:
        tokens_file: Who may ask.
        refused: Called whenever somebody is turned away.

    Raises:
        BadParameter: The file cannot be used.
    """

    def __init__(self, tokens_file: Path | None, *, refused: Callable[[], None]) -> None:
        self._tokens = None if tokens_file is None else TokensFile(tokens_file)
        self._refused = refused

    def permits(self, authorization: bytes | None) -> bool:
        """Whether a header lets its client in.

        Args:
            authorization: The header as it arrived.
        """
        if self._tokens is None:
            return True
        offered = None if authorization is None else authorization.decode("latin-1")
        return self._tokens.client(offered) is not None

    def before(self, app: ASGIApp) -> ASGIApp:
        """An application behind this gate."""
        if self._tokens is None:
            return app

        async def look(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and not _is_open(scope["path"]):
                authorization = dict(scope["headers"]).get(b"authorization")
                if not self.permits(authorization):
                    self._refused()
                    refusal = _refusal(is_offered=authorization is not None)
                    await refusal(scope, receive, send)
                    return
            await app(scope, receive, send)

        return look


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _refusal(*, is_offered: bool) -> ASGIApp:
    challenge = 'Bearer realm="slipway"'
    if is_offered:
        challenge += ', error="invalid_token"'
    text = "this token is not known here" if is_offered else "a bearer token is needed"
    return error_response(401, text, headers={"www-authenticate": challenge})
