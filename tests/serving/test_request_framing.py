"""Requests that two servers of a chain may understand differently, on raw sockets."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from slipway.serving.http.request_head import HEAD_BYTES, MAX_HEADERS
from tests.serving.echo_server import EchoServer, Reply, echo_server, request

CHUNKED = "Transfer-Encoding: chunked"
LENGTH = "Content-Length: 2"
NEXT = request(path="/next", method="GET")
MIB = 1 << 20


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    """A server with the usual limits."""
    with echo_server() as running:
        yield running


def one(replies: list[Reply]) -> Reply:
    """The only response."""
    assert len(replies) == 1, replies
    return replies[0]


def test_trailers_are_no_headers(echo: EchoServer) -> None:
    """A token or an address in a trailer reaches no application."""
    trailers = b"0\r\nAuthorization: Bearer a\r\nX-Forwarded-For: 9\r\n\r\n"
    replies = echo.ask(request(CHUNKED, body=b"2\r\n{}\r\n" + trailers) + NEXT)
    assert [reply.about["path"] for reply in replies] == ["/", "/next"]
    assert replies[0].about["body"] == "{}"
    names = [name for name, _ in replies[0].about["headers"]]
    assert names == ["host", "transfer-encoding"]


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        (b"0\r\n", b"X-T: " + b"a" * 1000 + b"\r\n"),
        (b"0\r\nX-T: ", b"a" * 1000),
        (b"1;a=", b"a" * 1000),
        (b"", b"1;" + b"a" * 1000 + b"\r\nx\r\n"),
    ],
    ids=["trailers", "one trailer", "one extension", "extensions"],
)
def test_bytes_beside_the_body_are_bounded(echo: EchoServer, start: bytes, rest: bytes) -> None:
    """The connection ends before a megabyte of trailers or chunk extensions."""
    with echo.connect() as connection:
        connection.sendall(request(CHUNKED, body=b"2\r\n{}\r\n" + start))
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 40 * MIB:
                connection.sendall(rest * 64)
                sent += len(rest) * 64
                time.sleep(0.001)
    assert sent < 8 * MIB


def test_a_body_of_many_small_chunks_is_read(echo: EchoServer) -> None:
    """Framing may be larger than the body, as of a client that sends byte by byte."""
    size = 2 * HEAD_BYTES
    body = b"1\r\nx\r\n" * size + b"0\r\n\r\n"
    assert one(echo.ask(request(CHUNKED, body=body))).about["body"] == "x" * size


H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAA")
WEBSOCKET = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a")


@pytest.mark.parametrize("upgrade", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upgrade_is_declined(echo: EchoServer, upgrade: tuple[str, ...], framing: str) -> None:
    """The body is read whole, in pieces too, and is no second request; the next one is answered."""
    inner = NEXT.decode()
    if framing == "length":
        asked = request(*upgrade, f"Content-Length: {len(inner)}", body=inner.encode())
    else:
        asked = request(*upgrade, CHUNKED, body=f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n".encode())
    replies = echo.ask(asked + NEXT)
    assert [reply.about["path"] for reply in replies] == ["/", "/next"]
    assert replies[0].about["body"] == inner
    with echo.connect() as connection:
        for start in range(0, len(asked), 20):
            connection.sendall(asked[start : start + 20])
            time.sleep(0.001)
        assert b'"path": "/"' in connection.recv(4096)


def test_upgrades_without_a_body_are_declined(echo: EchoServer) -> None:
    """Many of them on one connection, each is answered."""
    replies = echo.ask(request(*H2C, method="GET") * 20)
    assert [reply.status for reply in replies] == [200] * 20


@pytest.mark.parametrize("target", ["models.example:443", "/", "*"])
def test_a_tunnel_is_refused(echo: EchoServer, target: str) -> None:
    """With 400, and neither it nor what is to go through the tunnel is a request."""
    before = echo.received
    head = request(method="CONNECT", path=target)
    for asked in (head, head + NEXT, request(*H2C, method="CONNECT", path=target)):
        assert one(echo.ask(asked)).status == 400
    assert echo.received == before


REPEATED = [
    ("Authorization: Bearer a", "Authorization: Bearer b"),
    ("Content-Length: 2", "Content-Length: 2"),
    ("Content-Length: 2", "Content-Length: 5"),
    ("Content-Type: a", "Content-Type: b"),
    ("Content-Encoding: identity", "Content-Encoding: gzip"),
    ("Host: 127.0.0.1",),
    ("Inference-Header-Content-Length: 1", "Inference-Header-Content-Length: 2"),
    ("X-Request-Id: a", "X-Request-Id: b"),
    ("X-Slipway-Key: a", "X-Slipway-Key: b"),
    ("Content-Length: 5", CHUNKED),
    (CHUNKED, "Content-Length: 5"),
    (CHUNKED, CHUNKED),
]
ODD_HEADS = [
    *("Content-Length: 2, 2", "Content-Length: +2", "Content-Length: ", "Content-Length: 0x2"),
    *("Content-Length: " + "9" * 20, "Content-Length: " + "9" * 4400),
    *("Content-Length: " + "0" * 4400 + "2", "Content-Length: 99999999999999999"),
    *("X: a\r\n folded", "Authorization:\r\n Bearer a", "X: a\nY: b", "X: a\rY: b", "X: a\r"),
    *("X : a", "X Y: a", "X: a\0b", "X: a\x01b", "X: a\x7fb", "no colon", ": a"),
]
ODD_CODINGS = [
    *("gzip, chunked", "chunked, chunked", "chunked, gzip", "xchunked", "\x0bchunked", "identity"),
    "",
]
ODD_CHUNKS = [
    *(b"2;a\n{}\r\n", b"2\n{}\n", b"2\n{}\r\n", b"2;a\rb\r\n{}\r\n", b'2;a="b\r\nc"\r\n{}\r\n'),
    *(b"10000000000000002\r\n{}\r\n", b"fffffffffffffffff\r\n{}\r\n", b"0x2\r\n{}\r\n"),
    *(b" 2\r\n{}\r\n", b"2 \r\n{}\r\n", b"+2\r\n{}\r\n", b"2\r\n{}XX", b"\r\n{}\r\n"),
]
EMPTY_CHUNKS = b"0\r\n\r\n"
ODD_REQUESTS = {
    **{" | ".join(lines): request(*lines, body=b"{}xxx") for lines in REPEATED},
    **{
        repr(line)[:50]: request(*([] if "Length" in line else [LENGTH]), line, body=b"{}")
        for line in ODD_HEADS
    },
    **{
        f"coding {coding!r}": request(f"Transfer-Encoding: {coding}", body=EMPTY_CHUNKS)
        for coding in ODD_CODINGS
    },
    **{repr(chunk): request(CHUNKED, body=chunk + EMPTY_CHUNKS) for chunk in ODD_CHUNKS},
    "no host": request(LENGTH, body=b"{}", host=""),
    "bare LF": b"POST / HTTP/1.1\nHost: localhost\nContent-Length: 2\n\n{}",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": NEXT.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "chunks of HTTP/1.0": request(CHUNKED, body=b"0\r\n\r\n").replace(b"/1.1", b"/1.0"),
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("data", ODD_REQUESTS.values(), ids=ODD_REQUESTS.keys())
def test_an_ambiguous_request_is_refused(echo: EchoServer, data: bytes) -> None:
    """400, once, and the connection ends: nothing behind it is taken for a request."""
    reply = one(echo.ask(data + NEXT))
    assert reply.status == 400
    assert reply.about["error"]
    assert b"connection: close" in reply.head


@pytest.mark.parametrize(
    "path",
    [
        *("/v2%2fmodels", "/v2%2Fmodels", "/a%5cb", "/a\\b", "/a/../b", "/a/./b", "/a/%2e%2e/b"),
        *("/..", "/a/.", "/a%00", "/a%0a", "/%ff%fe", "/a#b", "*", "http://localhost/a", "a"),
        "/a?räv",
    ],
)
def test_a_path_with_two_readings_is_refused(echo: EchoServer, path: str) -> None:
    """400: a proxy may have compared another path with its rules."""
    assert one(echo.ask(request(path=path, method="GET"))).status == 400


def test_plain_paths_are_answered(echo: EchoServer) -> None:
    """Encoded letters, dots inside of names, and a query of any kind."""
    path = "/v2/models/a%5Fb/v1.2/..c?d=%2f../e"
    assert (
        one(echo.ask(request(path=path, method="GET"))).about["path"] == "/v2/models/a_b/v1.2/..c"
    )


def test_headers_are_bounded(echo: EchoServer) -> None:
    """431 for too many, and for too many bytes even if they arrive at once."""
    many = [f"x-{number}: a" for number in range(MAX_HEADERS)]
    assert one(echo.ask(request(*many, method="GET"))).status == 431
    assert one(echo.ask(request(*many[1:], method="GET"))).status == 200
    assert one(echo.ask(request(f"x: {'a' * HEAD_BYTES}", method="GET"))).status == 431
    assert one(echo.ask(request(path="/" + "a" * HEAD_BYTES, method="GET"))).status == 431


def test_an_error_does_not_overtake_an_answer(echo: EchoServer) -> None:
    """Behind a request in progress an invalid one ends the connection without a response."""
    replies = echo.ask(request(path="/held", method="GET") + b"nonsense\r\n\r\n")
    echo.let_go()
    assert replies == []
