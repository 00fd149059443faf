"""Who may ask a model server, over what, how much and how slowly."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trustme

from slipway.serving.http.server import warn_if_unauthenticated
from slipway.serving.http.tokens import line_of, make_token
from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.processes import OPTIONS, Process, free_port, running_server, serve_code, until

INFER = f"/v2/models/{MODEL}/infer"
BODY = json.dumps(request_of(flights(1))).encode()
GUARDED = [("POST", INFER), ("GET", "/v2"), ("GET", f"/v2/models/{MODEL}"), ("GET", "/nothing")]
GUARDED += [("GET", "/openapi.json"), ("GET", f"/v2/models/{MODEL}/ready")]
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
    """What arrives until the server closes the connection."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return bytes(received)


def test_only_clients_with_a_token_may_ask(versions: Path, tmp_path: Path) -> None:
    """Without a token 401 and a challenge; health and metrics are open, and count refusals."""
    token, later = make_token(), make_token()
    file = tmp_path / "tokens"
    file.write_text(line_of("web", token))
    options = replace(OPTIONS, tokens_file=file)
    with running_server(versions / "1", tmp_path / "log", options=options) as server:

        def status(method: str, path: str, offered: str | None) -> int:
            headers = {} if offered is None else {"authorization": f"Bearer {offered}"}
            reply = httpx.request(method, server.url + path, content=BODY, headers=headers)
            if reply.status_code == 401:
                assert reply.headers["www-authenticate"].startswith("Bearer ")
                assert reply.json()["error"]
            return reply.status_code

        for path in ("/v2/health/live", "/v2/health/ready", "/metrics"):
            assert status("GET", path, None) == 200
        for method, path in GUARDED:
            assert status(method, path, None) == 401
            assert status(method, path, later) == 401
            assert status(method, path, token) == (404 if path == "/nothing" else 200)
        failures = 2 * len(GUARDED)
        assert f'slipway_auth_failures_total{{model="{MODEL}",version="1"}} {failures}' in (
            server.get("/metrics").text
        )
        file.write_text(line_of("web", later))
        until(lambda: status("POST", INFER, later) == 200, "the new token is good")
        assert status("POST", INFER, token) == 401
        assert token not in server.output.read_text()


def test_a_server_whose_tokens_cannot_be_read_does_not_start(
    versions: Path, tmp_path: Path
) -> None:
    """It would let everybody in, or nobody."""
    options = replace(OPTIONS, tokens_file=tmp_path / "absent")
    code = serve_code(versions / "1", tmp_path / "log", options=options, port=free_port())
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert b"the tokens file cannot be read" in ended.stderr


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that lives as long as a test."""
    return trustme.CA()


def test_tls(versions: Path, tmp_path: Path, authority: trustme.CA) -> None:
    """With a certificate the server speaks TLS, and nothing else."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    options = replace(OPTIONS, tls_certificate=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    port = free_port()
    code = serve_code(versions / "1", tmp_path / "log", options=options, port=port)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            url = f"https://localhost:{port}"
            with httpx.Client(base_url=url, verify=trust, trust_env=False) as client:
                until(lambda: client.get("/v2/health/ready").is_success, "it is ready")
                for rows in (1, 2000):
                    asked = request_of(flights(rows))
                    reply = client.post(INFER, json=asked)
                    assert len(reply.json()["outputs"][0]["data"]) == rows
            with pytest.raises(httpx.TransportError):
                httpx.get(f"http://localhost:{port}/v2/health/live", trust_env=False)
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{url}/v2/health/live", trust_env=False)
        finally:
            process.terminate()
        assert process.wait(60) == 0


def test_a_certificate_that_cannot_be_used_is_told(versions: Path, tmp_path: Path) -> None:
    """A server that was told to speak TLS never speaks anything else."""
    (tmp_path / "cert.pem").write_text("no certificate")
    options = replace(OPTIONS, tls_certificate=tmp_path / "cert.pem")
    code = serve_code(versions / "1", tmp_path / "log", options=options, port=free_port())
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert b"the TLS files are unusable" in ended.stderr


@pytest.mark.parametrize(
    ("options", "warns"),
    [(Options(), True), (Options(tokens_file=Path("tokens")), False)],
    ids=["anybody", "tokens"],
)
def test_listening_to_everybody_is_worth_a_warning(
    caplog: pytest.LogCaptureFixture, *, options: Options, warns: bool
) -> None:
    """Beyond loopback a server should know who asks."""
    with socket.create_server(("127.0.0.1", 0)) as loopback:
        warn_if_unauthenticated(loopback, options)
    assert not caplog.records
    with socket.create_server(("0.0.0.0", 0)) as everywhere, caplog.at_level(logging.WARNING):  # noqa: S104
        warn_if_unauthenticated(everywhere, options)
    assert bool(caplog.records) == warns


def test_a_body_that_says_it_is_too_large_is_not_waited_for(limited: Process) -> None:
    """413 comes before the body does."""
    with connected(limited) as connection:
        head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_refused_and_cut_off(limited: Process) -> None:
    """413 once it is too large, and an end to it when its time is over."""
    began = time.monotonic()
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    with connected(limited) as connection:
        connection.sendall(
            f"POST {INFER} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 30:
                connection.sendall(chunk)
        assert time.monotonic() - began < 10


def test_a_connection_survives_a_refused_body(limited: Process) -> None:
    """What was too large is read past, and the next request is answered."""
    with httpx.Client(base_url=limited.url, timeout=60) as client:
        assert client.post(INFER, content=b" " * 300_000).status_code == 413
        assert client.post(INFER, content=iter([b" " * 90_000] * 4)).status_code == 413
        assert client.post(INFER, content=BODY).status_code == 200
        assert client.post(INFER, json=request_of(flights(51))).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_refused(limited: Process, encoding: str) -> None:
    """A small body that unpacks to a large one is no way in."""
    headers = {"content-encoding": encoding}
    reply = httpx.post(limited.url + INFER, content=BODY, headers=headers)
    assert reply.status_code == 415
    assert "content-encoding" in reply.json()["error"]


@pytest.mark.parametrize(
    ("sent", "drip"),
    [
        ("", ""),
        (f"POST {INFER} HTTP/1.1\r\nhost: x\r\n", "x-slow: 1\r\n"),
        (f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 90000\r\n\r\n", " "),
    ],
    ids=["silence", "head", "body"],
)
def test_a_request_that_trickles_in_is_refused(limited: Process, sent: str, drip: str) -> None:
    """408 and an end to the connection, though a byte arrives now and then."""
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
    assert httpx.get(limited.url + "/v2/health/ready").is_success


def test_late_bodies_are_counted(limited: Process) -> None:
    """A 408 to an infer request is in the figures, as is a client that left."""
    head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n".encode()
    with connected(limited) as late:
        late.sendall(head)
        assert all_of(late).startswith(b"HTTP/1.1 408 ")
    with connected(limited) as gone:
        gone.sendall(head)
    for status in (408, 499):
        until(lambda status=status: f'status="{status}"' in limited.get("/metrics").text, "counted")


def test_a_huge_head_is_refused(limited: Process) -> None:
    """431: neither one header nor many of them fill the memory."""
    with connected(limited) as connection:
        connection.sendall(b"GET /v2 HTTP/1.1\r\nx: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"a" * 4096)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_what_is_not_http_is_told_in_the_protocols_shape(limited: Process) -> None:
    """400 with an `error`, as for any other mistake."""
    with connected(limited) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]


def test_connections_have_a_number(versions: Path, tmp_path: Path) -> None:
    """Those that came first are served on; one too many is told 503."""
    log = tmp_path / "log"
    with running_server(versions / "1", log) as server, contextlib.ExitStack() as stack:
        first = stack.enter_context(httpx.Client(base_url=server.url, timeout=30))
        assert first.get("/v2/health/ready").is_success
        many = [stack.enter_context(connected(server)) for _ in range(899)]
        with connected(server) as surplus:
            assert all_of(surplus).startswith(b"HTTP/1.1 503 ")
        assert first.post(INFER, content=BODY).status_code == 200
        many[0].close()
        until(lambda: server.get("/v2/health/ready").is_success, "there is room again")


def test_as_many_requests_as_may_wait_do(versions: Path, tmp_path: Path) -> None:
    """More than that are told 503 and when to come again, and none is lost."""
    options = replace(OPTIONS, max_waiting=1)
    large = json.dumps(request_of(flights(10_000))).encode()
    with running_server(versions / "4", tmp_path / "log", options=options) as server:
        with contextlib.ExitStack() as stack:
            host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
            asked = []
            for _ in range(8):
                connection = stack.enter_context(socket.create_connection((host, port), 60))
                connection.sendall(
                    f"POST {INFER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
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
