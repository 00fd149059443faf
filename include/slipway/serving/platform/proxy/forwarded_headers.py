"""Headers that the proxy forwards: all but those of one hop, and a request id."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from slipway.serving.http.headers import REQUEST_ID

Headers = list[tuple[bytes, bytes]]

ID = REQUEST_ID.encode()
CONNECTION = b"connection"
# Source: RFC 9110, section 7.6.1; headers that each side sets for its own message, and those of the
# site that a request comes from, which the proxy has checked.
HOP_BY_HOP_HEADERS = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"expect",
        b"host",
        b"keep-alive",
        b"origin",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"sec-fetch-site",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def end_to_end(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Headers without hop-by-hop ones and those that `connection` names, in lower case."""
    listed = [value for name, value in headers if name == CONNECTION]
    named = {one.strip().lower() for value in listed for one in value.split(b",")}
    dropped = HOP_BY_HOP_HEADERS | named
    return [pair for pair in headers if pair[0] not in dropped]


def forwarded_headers(received: Headers) -> Headers:
    """Headers of a request to a server, with a new request id if the client sent none."""
    forwarded = end_to_end(received)
    if all(name != ID for name, _ in forwarded):
        forwarded.append((ID, uuid4().hex.encode()))
    return forwarded
