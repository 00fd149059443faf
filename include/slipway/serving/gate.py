"""Who may ask: an application behind bearer tokens; health and metrics stay open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.serving.tokens import Tokens
from slipway.serving.web import problem

OPEN_PREFIX = "/v2/health/"
OPEN_PATHS = frozenset({"/metrics"})


def guarded(app: ASGIApp, tokens_file: Path | None, *, refused: Callable[[], None]) -> ASGIApp:
    """An application that only those who are named in a file may ask; no file: anybody.

    Args:
        app: The application.
        tokens_file: Who may ask.
        refused: Called whenever somebody is turned away.

    Raises:
        BadParameter: The file cannot be used.
    """
    return app if tokens_file is None else _Gate(app, Tokens(tokens_file), refused)


class _Gate:
    def __init__(self, app: ASGIApp, tokens: Tokens, refused: Callable[[], None]) -> None:
        self._app = app
        self._tokens = tokens
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_open(scope["path"]):
            offered = dict(scope["headers"]).get(b"authorization")
            authorization = None if offered is None else offered.decode("latin-1")
            if self._tokens.client(authorization) is None:
                self._refused()
                await _refusal(is_offered=offered is not None)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _refusal(*, is_offered: bool) -> ASGIApp:
    challenge = 'Bearer realm="slipway"'
    if is_offered:
        challenge += ', error="invalid_token"'
    text = "this token is not known here" if is_offered else "a bearer token is needed"
    return problem(401, text, headers={"www-authenticate": challenge})
