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


def check_head(version: str, target: bytes, headers: Headers) -> dict[bytes, bytes]:
    """Check that a complete head has one meaning, and return its headers of one value.

    Args:
        version: Version of HTTP.
        target: Target of the request line.
        headers: Names in lower case, and values.

    Raises:
        BadHead: The head is ambiguous.

    Source: RFC 9112, sections 3.2 and 6.1; RFC 9110, section 5.3.
    """
    if version not in {"1.1", "1.0"}:
        raise BadHead("the request is not of HTTP/1.1 or HTTP/1.0")
    singles = [pair for pair in headers if pair[0] in SINGLE_HEADERS]
    found = dict(singles)
    if len(found) < len(singles):
        names = [name.decode() for name, _ in singles]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadHead(f"the header {repeated} is repeated")
    if version == "1.1" and b"host" not in found:
        raise BadHead("the header host is missing")
    if len(found.get(b"content-length", b"").strip()) > LENGTH_DIGITS:
        raise BadHead("the content-length is not a plausible number")
    coding = found.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        raise BadHead("the transfer-encoding is not supported; expected: chunked")
    _check_target(target)
    return found


def _check_target(target: bytes) -> None:
    path = target.partition(b"?")[0]
    if not target.startswith(b"/") or not target.isascii() or b"#" in target:
        raise BadHead("the request target is not a path of ASCII characters")
    if (b"%" in path or b"/." in path or b"\\" in path) and not _is_plain(path.decode()):
        raise BadHead("the path has an encoded separator, a dot segment or a control character")


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
