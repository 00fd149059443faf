"""Headers that the proxy forwards: all but hop-by-hop ones, and a request id."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from slipway.serving.http.headers import REQUEST_ID

Headers = list[tuple[bytes, bytes]]

ID = REQUEST_ID.encode()
# Source: RFC 9110, section 7.6.1; and headers that each side sets for its own message.
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


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers without hop-by-hop ones; names are in lower case."""
    return [pair for pair in headers if pair[0] not in HOP_BY_HOP_HEADERS]


def forwarded_headers(received: Headers) -> Headers:
    """Headers of a request to a server, with a new request id if the client sent none."""
    forwarded = end_to_end(received)
    if all(name != ID for name, _ in received):
        forwarded.append((ID, uuid4().hex.encode()))
    return forwarded
