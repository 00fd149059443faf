"""Clients that hold connections or bodies, and others that are answered all the same."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest
import trustme

from slipway.serving.http.admission import PROBE_CONNECTIONS, network_of
from slipway.serving.server_options import Options
from tests.serving.echo_server import HELD, EchoServer, echo_server, read_replies, request
from tests.serving.processes import until

FEW = 20
LIMITS = Options(max_connections=FEW, max_connections_per_address=FEW)
LIVE = request(path="/v2/health/live", method="GET")
METRICS = request(path="/metrics", method="GET")
ASKED = request("Content-Length: 2", body=b"{}")
HALF_HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nX"
KIB = 1 << 10


@contextmanager
def holding(
    echo: EchoServer, data: bytes, *, count: int, source: str = "127.0.0.1"
) -> Iterator[Sequence[socket.socket]]:
    """Connections that have sent some bytes, and stay open."""
    with ExitStack() as stack:
        held = []
        for _ in range(count):
            held.append(stack.enter_context(echo.connect(source)))
            held[-1].sendall(data)
            if data == ASKED:
                held[-1].recv(1, socket.MSG_PEEK)
        yield held


def statuses(connection: socket.socket) -> list[int]:
    """Statuses of the responses on a connection."""
    return [reply.status for reply in read_replies(connection, pause_s=0.05)]


def asked(echo: EchoServer, data: bytes) -> list[int]:
    """Statuses of the responses to some bytes on a connection of their own."""
    with echo.connect() as connection:
        connection.sendall(data)
        return statuses(connection)


@pytest.mark.parametrize(
    "data", [b"", HALF_HEAD, ASKED[:-1], ASKED], ids=["silent", "head", "body", "idle"]
)
def test_held_connections_keep_no_client_out(data: bytes) -> None:
    """A new connection takes the place of the one that has waited longest for its client."""
    with echo_server(LIMITS) as echo, holding(echo, data, count=2 * FEW) as held:
        for sent in (LIVE, METRICS, ASKED):
            assert asked(echo, sent) == [200]
        first = read_replies(held[0])
        assert [reply.status for reply in first] == ([200] if data == ASKED else [503])
        assert held[0].recv(1) == b""
        if data != ASKED:
            assert b"retry-after: 1" in first[0].head
            held[-1].sendall(ASKED.removeprefix(data) if data != HALF_HEAD else b": a\r\n\r\n")
            assert statuses(held[-1]) == [200]


def test_probes_are_answered_while_every_connection_works() -> None:
    """Health and metrics beside requests that wait for the model; others get 503."""
    held_request = request(path=HELD, method="GET")
    with echo_server(LIMITS) as echo, holding(echo, held_request, count=FEW) as held:
        until(lambda: echo.received == FEW, "all are held")
        for probe in (LIVE, METRICS):
            assert asked(echo, probe) == [200]
        [refused] = echo.ask(ASKED)
        assert refused.status == 503
        assert b"retry-after: 1" in refused.head
        with holding(echo, HALF_HEAD, count=2 * PROBE_CONNECTIONS):
            assert asked(echo, LIVE) == [200]
        echo.let_go()
        for connection in held:
            assert statuses(connection) == [200]
        assert asked(echo, ASKED) == [200]


def test_an_address_has_a_share_of_the_connections() -> None:
    """One that holds many loses its own, and none of another address's."""
    limits = Options(max_connections=FEW, max_connections_per_address=FEW // 2)
    with (
        echo_server(limits) as echo,
        holding(echo, HALF_HEAD, count=2, source="127.0.0.2") as few,
        holding(echo, HALF_HEAD, count=3 * FEW, source="127.0.0.3") as many,
    ):
        assert statuses(many[0]) == [503]
        for connection in few:
            connection.sendall(b": a\r\n\r\n")
            assert statuses(connection) == [200]


def test_the_address_that_holds_most_loses_connections() -> None:
    """Where all connections are in use, a flood from one address loses its own only."""
    with (
        echo_server(LIMITS) as echo,
        holding(echo, HALF_HEAD, count=2, source="127.0.0.2") as few,
        holding(echo, HALF_HEAD, count=3 * FEW, source="127.0.0.3"),
    ):
        for connection in few:
            connection.sendall(b": a\r\n\r\n")
            assert statuses(connection) == [200]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Options, ssl.SSLContext]:
    """Options with a certificate, and what its clients trust."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    files = {"tls_certificate": folder / "cert.pem", "tls_key": folder / "key.pem"}
    return replace(LIMITS, **files), trust


def test_handshakes_that_never_end_keep_no_client_out(
    certified: tuple[Options, ssl.SSLContext],
) -> None:
    """A connection without a TLS handshake counts like any other that waits for its client."""
    options, trust = certified
    options = replace(options, max_connections_per_address=1)
    with echo_server(options) as echo, holding(echo, b"\x16\x03", count=2 * FEW) as held:
        for sent in (LIVE, ASKED):
            with trust.wrap_socket(echo.connect(), server_hostname="localhost") as client:
                client.sendall(sent)
                assert statuses(client) == [200]
        assert read_replies(held[0]) == []
        assert echo.received == 2


@pytest.mark.parametrize("sends_nothing", [False, True])
def test_a_client_that_speaks_no_tls_is_parted_with(
    certified: tuple[Options, ssl.SSLContext], *, sends_nothing: bool
) -> None:
    """Its connection ends, and its place is free for others."""
    options, trust = certified
    with echo_server(options) as echo:
        for _ in range(2 * FEW):
            with echo.connect() as connection:
                if not sends_nothing:
                    connection.sendall(LIVE)
                    assert b"HTTP" not in connection.recv(100)
        with trust.wrap_socket(echo.connect(), server_hostname="localhost") as client:
            # Two requests in one record, right behind the handshake.
            client.sendall(ASKED + LIVE)
            assert statuses(client) == [200, 200]


def half_body(size: int) -> bytes:
    """Bytes of a request whose last byte is missing."""
    return request(f"Content-Length: {size + 1}", body=b" " * size)


def test_bodies_in_arrival_are_bounded_in_sum() -> None:
    """The oldest ones get 503; small requests of others are answered."""
    limits = Options(max_held_bytes=1000 * KIB)
    with echo_server(limits) as echo, holding(echo, half_body(300 * KIB), count=5) as held:
        until(lambda: echo.received == len(held), "all arrive")
        for connection in held[:2]:
            [refused] = read_replies(connection)
            assert refused.status == 503
            assert b"retry-after: 1" in refused.head
        assert asked(echo, ASKED) == [200]
        held[-1].sendall(b" ")
        assert statuses(held[-1]) == [200]


def test_bodies_that_wait_for_the_model_count() -> None:
    """They are not cut off: a further body gets 503, until they are answered."""
    limits = Options(max_held_bytes=1000 * KIB)
    whole = request(f"Content-Length: {400 * KIB}", path=HELD, body=b" " * (400 * KIB))
    with echo_server(limits) as echo, holding(echo, whole, count=2) as held:
        until(lambda: echo.received == len(held), "both are held")
        assert asked(echo, whole) == [503]
        echo.let_go()
        for connection in held:
            assert statuses(connection) == [200]
        for _ in range(5):
            assert asked(echo, whole) == [200]


def test_bytes_are_free_after_each_end() -> None:
    """After answers on a kept connection, and after clients that disconnect."""
    limits = Options(max_held_bytes=1000 * KIB)
    whole = request(f"Content-Length: {400 * KIB}", body=b" " * (400 * KIB))
    with echo_server(limits) as echo:
        assert asked(echo, whole * 5) == [200] * 5
        for _ in range(5):
            with holding(echo, half_body(400 * KIB), count=1):
                pass
        assert asked(echo, whole) == [200]


def test_pipelined_requests_are_bounded() -> None:
    """A client that sends thousands and reads nothing is stopped, and costs each other nothing."""
    flood = ASKED * 1000
    with echo_server() as echo, echo.connect() as deaf:
        sent = 0
        deaf.settimeout(0.5)
        with suppress(OSError):
            while sent < 100 << 20:
                sent += deaf.send(flood)
        assert sent < 50 << 20
        assert asked(echo, ASKED) == [200]


def test_idle_connections_end() -> None:
    """After the time of a kept-alive connection, and not while a request is in progress."""
    with (
        echo_server(keep_alive_seconds=1) as echo,
        echo.connect() as idle,
        echo.connect() as working,
    ):
        working.sendall(ASKED + request(path=HELD, method="GET"))
        idle.sendall(ASKED)
        assert idle.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        assert idle.recv(1) == b""
        echo.let_go()
        assert statuses(working) == [200, 200]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_addresses_of_one_network_count_together(address: str, counted: str) -> None:
    """One customer has a /64 of IPv6, and one address of IPv4, mapped or not."""
    assert network_of(address) == counted
