"""Limits of a model server: size, time and number of requests and connections."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.processes import OPTIONS, Process, running_server, until

INFER = f"/v2/models/{MODEL}/infer"
BODY = json.dumps(request_of(flights(1))).encode()
LIMITS = replace(OPTIONS, request_seconds=1.0, max_body_bytes=100_000, max_rows=50)


@pytest.fixture(scope="module")
def limited(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server with small limits."""
    log = tmp_path_factory.mktemp("limited") / "log"
    with running_server(versions / "1", log, options=LIMITS) as running:
        yield running


def connected(server: Process) -> socket.socket:
    """A raw connection."""
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def all_of(connection: socket.socket) -> bytes:
    """All bytes until the server closes the connection."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return bytes(received)


def test_a_content_length_over_the_limit_is_refused_at_once(limited: Process) -> None:
    """With 413, before the body is sent."""
    with connected(limited) as connection:
        head = f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_refused_and_cut_off(limited: Process) -> None:
    """With 413 once it exceeds the limit; the connection is closed at the deadline."""
    began = time.monotonic()
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    with connected(limited) as connection:
        lines = (f"POST {INFER} HTTP/1.1", "host: localhost", "transfer-encoding: chunked", "", "")
        connection.sendall("\r\n".join(lines).encode())
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 30:
                connection.sendall(chunk)
        assert time.monotonic() - began < 10


def test_a_connection_survives_a_refused_body(limited: Process) -> None:
    """The rest of the body is read past, and the next request is answered."""
    with httpx.Client(base_url=limited.url, timeout=60) as client:
        assert client.post(INFER, content=b" " * 300_000).status_code == 413
        assert client.post(INFER, content=iter([b" " * 90_000] * 4)).status_code == 413
        assert client.post(INFER, content=BODY).status_code == 200
        assert client.post(INFER, json=request_of(flights(51))).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_refused(limited: Process, encoding: str) -> None:
    """A small body may unpack to a large one."""
    headers = {"content-encoding": encoding}
    reply = limited.ask("POST", INFER, content=BODY, headers=headers)
    assert reply.status_code == 415
    assert "content-encoding" in reply.json()["error"]


@pytest.mark.parametrize(
    ("sent", "drip"),
    [
        ("", ""),
        (f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\n", "x-slow: 1\r\n"),
        (f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 90000\r\n\r\n", " "),
    ],
    ids=["silence", "head", "body"],
)
def test_a_request_that_trickles_in_is_refused(limited: Process, sent: str, drip: str) -> None:
    """408 and a closed connection, although single bytes arrive."""
    began = time.monotonic()
    received = b""
    with connected(limited) as connection:
        connection.sendall(sent.encode())
        connection.settimeout(0.1)
        while time.monotonic() - began < 20:
            with contextlib.suppress(TimeoutError):
                received = connection.recv(4096)
                break
            with contextlib.suppress(ConnectionError):
                connection.sendall(drip.encode())
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < time.monotonic() - began < 5
    assert limited.ask("GET", "/v2/health/ready").is_success


def test_late_bodies_are_counted(limited: Process) -> None:
    """A 408 for an infer request is in the metrics, and so is a client that disconnects."""
    head = f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900\r\n\r\n".encode()
    with connected(limited) as late:
        late.sendall(head)
        assert all_of(late).startswith(b"HTTP/1.1 408 ")
    with connected(limited) as gone:
        gone.sendall(head)
    for status in (408, 499):
        until(lambda status=status: f'status="{status}"' in limited.get("/metrics").text, "counted")


def test_a_huge_head_is_refused(limited: Process) -> None:
    """431 for one long header and for many."""
    with connected(limited) as connection:
        connection.sendall(b"GET /v2 HTTP/1.1\r\nx: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"a" * 4096)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_bytes_that_are_no_http_get_a_json_error(limited: Process) -> None:
    """400 with an `error`, as for any other mistake."""
    with connected(limited) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]


def test_waiting_requests_have_a_limit(versions: Path, tmp_path: Path) -> None:
    """One more gets 503 with `retry-after`; the waiting ones are answered."""
    options = replace(OPTIONS, max_waiting=1)
    large = json.dumps(request_of(flights(10_000))).encode()
    with running_server(versions / "4", tmp_path / "log", options=options) as server:
        with contextlib.ExitStack() as stack:
            host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
            asked = []
            for _ in range(8):
                connection = stack.enter_context(socket.create_connection((host, port), 60))
                connection.sendall(
                    f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                    f"content-length: {len(large)}\r\n\r\n".encode()
                )
                asked.append(connection)
            for connection in asked:
                connection.sendall(large)
            replies = [all_of(connection) for connection in asked]
        statuses = sorted(int(reply.split(b" ", 2)[1]) for reply in replies)
        assert set(statuses) == {200, 503}
        refused = next(reply for reply in replies if reply.startswith(b"HTTP/1.1 503"))
        assert b"\r\nretry-after: 1\r\n" in refused
        assert os.kill(server.process.pid, 0) is None
