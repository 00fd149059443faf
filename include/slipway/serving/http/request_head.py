"""Reject heads of requests that two servers of a chain may understand differently.

llhttp, the parser of the connection, already rejects obsolete line folding, bare CR and LF, control
characters, spaces before a colon, `Content-Length` beside `Transfer-Encoding` and malformed chunks.
These checks are about what it lets through.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import unquote

HEAD_BYTES = 64 << 10
MAX_HEADERS = 100
LENGTH_DIGITS = 15
"""Of a `Content-Length`: a petabyte; `int()` rejects numbers of more than 4,300 digits."""

SINGLE_HEADERS = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"inference-header-content-length",
        b"origin",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"x-request-id",
        b"x-slipway-key",
    }
)
"""Headers with one value: of two, the next server or the application may take the other."""

Headers = Sequence[tuple[bytes, bytes]]


class BadHead(Exception):
    """The head is ambiguous or too large; the connection is closed after an error response.

    Args:
        text: What is wrong.
        status: Status of the response.
    """

    def __init__(self, text: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status = status


def too_large() -> BadHead:
    """Error of a head, of trailers or of chunk extensions beyond their limit."""
    return BadHead(
        f"the request header exceeds {HEAD_BYTES} bytes or {MAX_HEADERS} lines",
        status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    )


def check_head(
    version: str, target: bytes, headers: Headers, *, received: int
) -> dict[bytes, bytes]:
    """Check that a complete head has one meaning, and return its headers by name.

    Args:
        version: Version of HTTP.
        target: Target of the request line.
        headers: Names in lower case, and values.
        received: Bytes received so far, of the head and perhaps of what follows.

    Raises:
        BadHead: The head is ambiguous or too large.

    Source: RFC 9112, sections 3.2 and 6.1; RFC 9110, section 5.3.
    """
    if len(headers) > MAX_HEADERS or (
        received > HEAD_BYTES and _size(target, headers) > HEAD_BYTES
    ):
        raise too_large()
    found = dict(headers)
    if len(found) < len(headers):
        _check_repeated(headers)
    if version not in {"1.1", "1.0"}:
        raise BadHead("the request is not of HTTP/1.1 or HTTP/1.0")
    if b"host" not in found and version == "1.1":
        raise BadHead("the header host is missing")
    if len(found.get(b"content-length", b"")) > LENGTH_DIGITS:
        raise BadHead("the content-length is not a plausible number")
    coding = found.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        raise BadHead("the transfer-encoding is not supported; expected: chunked")
    _check_target(target.decode("latin-1"))
    return found


def _size(target: bytes, headers: Headers) -> int:
    return len(target) + sum(len(name) + len(value) for name, value in headers)


def _check_repeated(headers: Headers) -> None:
    singles = [name for name, _ in headers if name in SINGLE_HEADERS]
    repeated = [name for name in SINGLE_HEADERS if singles.count(name) > 1]
    if repeated:
        raise BadHead(f"the header {repeated[0].decode()} is repeated")


def _check_target(target: str) -> None:
    if not target.startswith("/") or not target.isascii() or "#" in target:
        raise BadHead("the request target is not a path of ASCII characters")
    is_odd = "%" in target or "/." in target or "\\" in target
    if is_odd and not _is_plain(target.partition("?")[0]):
        raise BadHead("the path has an encoded separator, dot segment or control character")


def _is_plain(path: str) -> bool:
    """Whether a path has the same segments before and after decoding."""
    decoded = unquote(path)
    return (
        decoded.count("/") == path.count("/")
        and not {".", ".."} & set(decoded.split("/"))
        and decoded.isprintable()
        and "\\" not in decoded
        and "\ufffd" not in decoded
    )
