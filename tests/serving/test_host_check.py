"""Host names under which a server answers, and requests from pages of other sites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slipway.serving.http.host_check import HostCheck
from slipway.serving.http.request_head import BadHead
from tests.serving.echo_server import EchoServer, echo_server, request


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    """A server on loopback without settings."""
    with echo_server() as running:
        yield running


def status(echo: EchoServer, *lines: str, method: str = "POST", host: str = "localhost") -> int:
    """Status of the response to a request with some header lines."""
    data = request(*lines, "Content-Length: 0", method=method, host=f"Host: {host}")
    [reply] = echo.ask(data)
    assert reply.status == 200 or reply.about["error"]
    return reply.status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("localhost", 200), ("LOCALHOST:8600", 200), ("127.0.0.1:8600", 200), ("10.1.2.3", 200)),
        *(("[::1]:8600", 200), ("rebound.example", 421), ("localhost.rebound.example", 421)),
        *(("127.0.0.1.rebound.example", 421), ("x@localhost", 421), ("localhost/", 421)),
        *(("localhost, rebound.example", 421), ("[::1", 421), ("", 421), ("a" * 300, 421)),
    ],
)
def test_loopback_answers_to_addresses_and_localhost(
    echo: EchoServer, host: str, expected: int
) -> None:
    """A page whose name resolves to this machine (DNS rebinding) gets no answer."""
    for method in ("GET", "POST"):
        assert status(echo, host=host, method=method) == expected


SITE = "Origin: http://localhost"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], 200),
        ([SITE], 200),
        (["Origin: HTTP://LOCALHOST"], 200),
        (["Origin: http://localhost:3000"], 403),
        (["Origin: https://elsewhere.example"], 403),
        (["Origin: null"], 403),
        (["Origin: localhost"], 403),
        (["Sec-Fetch-Site: same-origin", "Origin: https://proxied.example"], 200),
        (["Sec-Fetch-Site: none"], 200),
        (["Sec-Fetch-Site: same-site", SITE], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
    ],
)
def test_pages_of_other_sites_change_nothing(
    echo: EchoServer, lines: list[str], expected: int
) -> None:
    """Their POST is refused; the ones of clients that are no browsers bear no such header."""
    assert status(echo, *lines) == expected
    assert status(echo, *lines, method="DELETE") == expected
    assert status(echo, *lines, method="GET") == 200


@pytest.mark.parametrize(
    ("names", "is_local", "host", "accepted"),
    [
        ((), False, b"any.example", True),
        (("models.example",), False, b"models.example:443", True),
        (("models.example",), False, b"Models.Example.", True),
        (("models.example",), False, b"other.example", False),
        (("models.example",), False, b"10.0.0.7:8080", True),
        (("models.example",), True, b"models.example", True),
        (("*.internal",), True, b"a.b.internal", True),
        (("*.internal",), True, b"internal", False),
        (("*.internal",), True, b"internal.example", False),
        (("*",), True, b"any.example", True),
        (("*",), True, b"any example", False),
    ],
)
def test_names_are_listed(
    names: tuple[str, ...], host: bytes, *, is_local: bool, accepted: bool
) -> None:
    """With names only these and addresses; without, a server beyond loopback has any name."""
    check = HostCheck(names, is_local=is_local)
    for _ in range(2):
        if accepted:
            check.check(b"GET", {b"host": host})
        else:
            with pytest.raises(BadHead, match="SLIPWAY_ALLOWED_HOSTS"):
                check.check(b"GET", {b"host": host})


def test_made_up_names_fill_no_memory() -> None:
    """Where any name is accepted, and known ones stay known."""
    check = HostCheck(is_local=False)
    for number in range(3000):
        check.check(b"GET", {b"host": b"%d.example" % number})
    assert len(check._known) <= 1000  # noqa: SLF001
