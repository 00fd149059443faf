"""The reverse proxy: requests about a model go to a server, all others to the platform's pages.

It parses paths itself, because a router and request objects cost as much as the forwarding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.errors import BadRequest
from slipway.serving.http.body_limit import UnknownEncoding, receive_body
from slipway.serving.http.upstream import Reply
from slipway.serving.platform.proxy.forwarded_headers import end_to_end, forwarded_headers
from slipway.serving.platform.proxy.forwarding import Forwarder, ProxiedRequest, error_reply
from slipway.serving.platform.proxy.sticky_key import sticky_key
from slipway.serving.platform.proxy.traffic import Traffic
from slipway.serving.v2.errors import in_one_line

MODELS = "/v2/models/"
INFER = "infer"


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """Target of a V2 path.

    Attributes:
        model: Name of the model.
        version: Version in the path, if any.
        rest: Rest of the path, such as `infer`; empty for metadata.
    """

    model: str
    version: int | None
    rest: str


class ReverseProxy:
    """ASGI application of the platform.

    Args:
        models: Traffic by model.
        forwarding: Forwards requests to servers.
        pages: Answers all other requests, and those about unknown models.
        max_body_bytes: Limit on the body of a request.
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
        """Reply to the client; None if the client disconnected."""
        method = _method(scope["method"], place)
        if method is None:
            return error_reply(405, "this path does not support that method")
        headers = dict(scope["headers"])
        try:
            body = await receive_body(receive, headers, self._max_body_bytes)
        except BadRequest as error:
            return error_reply(_status(error), in_one_line(error))
        except ClientDisconnect:
            return None
        request = ProxiedRequest(
            method=method,
            target=_upstream_target(scope, place),
            headers=forwarded_headers(scope["headers"]),
            body=body,
            version=place.version,
            key=self._key(traffic, headers, body),
            is_inference=place.rest == INFER,
        )
        return await self._forwarding.forward(traffic, request)

    def _key(self, traffic: Traffic, headers: Mapping[bytes, bytes], body: bytes) -> str:
        """Key for picking a version; empty with a single version."""
        if len(traffic.weights) < 2:  # noqa: PLR2004 - one version has every share
            return ""
        return sticky_key(headers, body, columns=traffic.key_columns()) or uuid4().hex


def parse_target(path: str) -> RequestTarget | None:
    """Parse the decoded path of a request; None if it is not about one model."""
    if not path.startswith(MODELS):
        return None
    model, *rest = path.removeprefix(MODELS).split("/")
    version = None
    if rest[:1] == ["versions"]:
        if len(rest) == 1 or not _is_number(rest[1]):
            return None
        version, rest = int(rest[1]), rest[2:]
    return RequestTarget(model, version, "/".join(rest)) if model else None


def served_model(path: str, models: Collection[str]) -> str:
    """Return the model that a path names, if it is one of those served; else an empty text."""
    target = parse_target(path)
    return target.model if target is not None and target.model in models else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9  # noqa: PLR2004 - of an int


def _method(method: str, place: RequestTarget) -> str | None:
    if place.rest == INFER:
        return method if method == "POST" else None
    # HEAD is forwarded as GET; uvicorn omits the body.
    return "GET" if method in {"GET", "HEAD"} else None


def _upstream_target(scope: Scope, place: RequestTarget) -> str:
    # A model server has its document at the root path; the platform has one per model.
    path = "/openapi.json" if place.rest == "openapi.json" else scope["raw_path"].decode("ascii")
    query = scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else path


def _status(error: BadRequest) -> int:
    if isinstance(error, UnknownEncoding):
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def _send(reply: Reply, send: Send) -> None:
    headers = end_to_end(reply.headers)
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
