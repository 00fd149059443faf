"""Require a bearer token for all paths but health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.serving.http.responses import error_response
from slipway.serving.http.tokens import TokensFile

OPEN_PREFIX = "/v2/health/"
OPEN_PATHS = frozenset({"/metrics"})

Refusal = Literal["missing", "unknown"]
"""Why a request is refused: it has no bearer token, or one of no client."""

REFUSALS: tuple[Refusal, ...] = get_args(Refusal)


def require_token(
    app: ASGIApp,
    tokens_file: Path | None,
    *,
    refused: Callable[[str, Refusal], None],
    accepted: Callable[[str], None] | None = None,
) -> ASGIApp:
    """Wrap an application so that requests need a token of a file; without a file, return it.

    Args:
        app: The application.
        tokens_file: File with the tokens of clients.
        refused: Called with path and reason of each rejected request.
        accepted: Called with the client of each accepted POST, as infer requests are.

    Raises:
        BadParameter: The tokens file is unusable.
    """
    if tokens_file is None:
        return app
    tokens = TokensFile(tokens_file)

    async def authenticate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_open(scope["path"]):
            header = dict(scope["headers"]).get(b"authorization")
            offered = None if header is None else header.decode("latin-1")
            client = tokens.client(offered)
            if client is None:
                refused(scope["path"], "missing" if offered is None else "unknown")
                refusal = _refusal(is_offered=offered is not None)
                await refusal(scope, receive, send)
                return
            if accepted is not None and scope["method"] == "POST":
                accepted(client)
        await app(scope, receive, send)

    return authenticate


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _refusal(*, is_offered: bool) -> ASGIApp:
    challenge = 'Bearer realm="slipway"'
    if is_offered:
        challenge += ', error="invalid_token"'
    text = "the bearer token is unknown" if is_offered else "a bearer token is required"
    return error_response(401, text, headers={"www-authenticate": challenge})
