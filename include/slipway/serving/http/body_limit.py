"""Read request bodies up to a size limit; reject compressed ones."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from slipway.errors import BadRequest
from slipway.serving.v2.errors import TooLarge


class UnknownEncoding(BadRequest):
    """The body is compressed; an uncompressed one can help."""


async def receive_body(receive: Receive, headers: Mapping[bytes, bytes], max_bytes: int) -> bytes:
    """Read the body of a request, up to a limit.

    A rejected body need not be read: the connection reads and drops the rest, within the time
    limit of a request.

    Args:
        receive: ASGI receive of this request.
        headers: Headers of the request.
        max_bytes: Limit on the body.

    Raises:
        TooLarge: The body, or its declared length, exceeds the limit.
        UnknownEncoding: The body is compressed.
        ClientDisconnect: The client disconnected, or was too slow.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnknownEncoding(
            "the content-encoding of the body is not supported",
            expected="no content-encoding",
        )
    declared = headers.get(b"content-length")
    # The parser of the connection has checked that these are digits.
    if declared is not None and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        body: bytes = message["body"]
        if len(body) <= max_bytes:
            return body
    return await _rest_of_body(message, receive, max_bytes)


async def _rest_of_body(message: Message, receive: Receive, max_bytes: int) -> bytes:
    body = bytearray()
    while message["type"] == "http.request":
        body += message["body"]
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message["more_body"]:
            return bytes(body)
        message = await receive()
    raise ClientDisconnect


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        "the request is too large",
        expected=f"at most {max_bytes} bytes",
        hint="send several smaller requests",
    )
