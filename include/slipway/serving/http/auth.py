"""Require a bearer token for all paths but health."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.serving.http.responses import error_response
from slipway.serving.http.tokens import TokensFile, is_token_of

HEALTH_PREFIX = "/v2/health/"
METRICS_PATH = "/metrics"
ANONYMOUS = "anonymous"
"""Key in the state of a request without a known token, where one is required for details."""

Refusal = Literal["missing", "unknown"]
"""Why a request is refused: it has no bearer token, or one of no client."""

REFUSALS: tuple[Refusal, ...] = get_args(Refusal)


def require_token(
    app: ASGIApp,
    tokens_file: Path | None,
    *,
    refused: Callable[[str, Refusal], None],
    accepted: Callable[[str], None] | None = None,
    parent_digest: str | None = None,
) -> ASGIApp:
    """Wrap an application so that requests need a token of a file; without a file, return it.

    Health needs none, but tells details to clients with a token only.

    Args:
        app: The application.
        tokens_file: File with the tokens of clients.
        refused: Called with path and reason of each rejected request.
        accepted: Called with the client of each accepted POST, as infer requests are.
        parent_digest: SHA-256 of the token with which the parent process asks for health.

    Raises:
        BadParameter: The tokens file is unusable.
    """
    if tokens_file is None:
        return app
    tokens = TokensFile(tokens_file)

    async def authenticate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            header = dict(scope["headers"]).get(b"authorization")
            offered = None if header is None else header.decode("latin-1")
            client = tokens.client(offered)
            if scope["path"].startswith(HEALTH_PREFIX):
                is_parent = parent_digest is not None and is_token_of(offered, parent_digest)
                scope.setdefault("state", {})[ANONYMOUS] = client is None and not is_parent
            elif client is None:
                refused(scope["path"], "missing" if offered is None else "unknown")
                refusal = _refusal(is_offered=offered is not None)
                await refusal(scope, receive, send)
                return
            elif accepted is not None and scope["method"] == "POST":
                accepted(client)
        await app(scope, receive, send)

    return authenticate


def is_probe(target: str) -> bool:
    """Whether a target is one that orchestrators and Prometheus ask at intervals."""
    path = target.partition("?")[0]
    return path == METRICS_PATH or path.startswith(HEALTH_PREFIX)


def is_anonymous(request: Request) -> bool:
    """Whether details are kept from a client, which sent no known token where one is required."""
    return getattr(request.state, ANONYMOUS, False)


def _refusal(*, is_offered: bool) -> ASGIApp:
    challenge = 'Bearer realm="slipway"'
    if is_offered:
        challenge += ', error="invalid_token"'
    text = "the bearer token is unknown" if is_offered else "a bearer token is required"
    return error_response(401, text, headers={"www-authenticate": challenge})
