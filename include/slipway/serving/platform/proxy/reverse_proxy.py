"""The platform's front door: what clients ask of models goes to a server, the rest to its pages.

It reads a request's path itself: a router and request objects would cost as much again as the
forwarding. Everything about a request is passed on but what concerns one connection alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.errors import BadRequest
from slipway.serving.http.server import REQUEST_ID, UnknownEncoding, receive_body
from slipway.serving.platform.proxy.forwarding import Forwarder, ProxiedRequest, error_reply
from slipway.serving.platform.proxy.sticky_key import sticky_key
from slipway.serving.platform.proxy.upstream import Reply
from slipway.serving.platform.traffic import Traffic

MODELS = "/v2/models/"
INFER = "infer"
ID = REQUEST_ID.encode()
# RFC 9110, section 7.6.1, and what either side says about its own message.
HOP_BY_HOP_HEADERS = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """What a path of the protocol is about.

    Attributes:
        model: Name of the model.
        version: The version that it names, if any.
        rest: What of the model is asked for; empty for its metadata.
    """

    model: str
    version: int | None
    rest: str


class ReverseProxy:
    """An ASGI application.

    Args:
        models: The traffic by model.
        forwarding: Finds who answers.
        pages: Answers everything that no server is asked for, models that are not here among it.
        max_body_bytes: A larger request is refused.
    """

    def __init__(
        self,
        models: Mapping[str, Traffic],
        *,
        forwarding: Forwarder,
        pages: ASGIApp,
        max_body_bytes: int,
    ) -> None:
        self._models = models
        self._forwarding = forwarding
        self._pages = pages
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        place = parse_target(scope["path"]) if scope["type"] == "http" else None
        traffic = None if place is None else self._models.get(place.model)
        if place is None or traffic is None or place.rest == "ready":
            await self._pages(scope, receive, send)
            return
        reply = await self._answer(scope, receive, place, traffic)
        if reply is not None:
            await _send(reply, send)

    async def _answer(
        self, scope: Scope, receive: Receive, place: RequestTarget, traffic: Traffic
    ) -> Reply | None:
        """What a client is told; None when it is gone."""
        method = _method(scope["method"], place)
        if method is None:
            return error_reply(405, "this path takes another method")
        headers = dict(scope["headers"])
        try:
            body = await receive_body(receive, headers, self._max_body_bytes)
        except BadRequest as error:
            return error_reply(_status(error), _in_one_line(error))
        except ClientDisconnect:
            return None
        asked = ProxiedRequest(
            method=method,
            target=_upstream_target(scope, place),
            headers=_forwarded_headers(scope["headers"], headers),
            body=body,
            version=place.version,
            key=self._key(traffic, headers, body),
            is_inference=place.rest == INFER,
        )
        return await self._forwarding.forward(traffic, asked)

    def _key(self, traffic: Traffic, headers: Mapping[bytes, bytes], body: bytes) -> str:
        """What the draw repeats; with one version there is nothing to draw."""
        if len(traffic.weights) < 2:  # noqa: PLR2004 - one has every share
            return ""
        return sticky_key(headers, body, column=traffic.key_column()) or uuid4().hex


def parse_target(path: str) -> RequestTarget | None:
    """What of a model a path is about; None: it is not about one model.

    Args:
        path: Of the request, decoded.
    """
    if not path.startswith(MODELS):
        return None
    model, *rest = path.removeprefix(MODELS).split("/")
    version = None
    if rest[:1] == ["versions"]:
        if len(rest) == 1 or not _is_number(rest[1]):
            return None
        version, rest = int(rest[1]), rest[2:]
    return RequestTarget(model, version, "/".join(rest)) if model else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9  # noqa: PLR2004 - of an int


def _method(method: str, place: RequestTarget) -> str | None:
    if place.rest == INFER:
        return method if method == "POST" else None
    # A server that answers GET leaves the body of HEAD out when it is sent.
    return "GET" if method in {"GET", "HEAD"} else None


def _upstream_target(scope: Scope, place: RequestTarget) -> str:
    # A server describes itself at its root; here there are many of them.
    path = "/openapi.json" if place.rest == "openapi.json" else scope["raw_path"].decode("ascii")
    query = scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else path


def _forwarded_headers(
    received: list[tuple[bytes, bytes]], headers: Mapping[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    passed_on = [pair for pair in received if pair[0] not in HOP_BY_HOP_HEADERS]
    if ID not in headers:
        passed_on.append((ID, uuid4().hex.encode()))
    return passed_on


def _status(error: BadRequest) -> int:
    if isinstance(error, UnknownEncoding):
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def _in_one_line(error: BadRequest) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines())


async def _send(reply: Reply, send: Send) -> None:
    headers = [pair for pair in reply.headers if pair[0] not in HOP_BY_HOP_HEADERS]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
