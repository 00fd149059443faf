"""Authentication and TLS of a model server."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trustme

from slipway.serving.http.server import warn_if_unauthenticated
from slipway.serving.http.tokens import line_of, make_token
from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.processes import OPTIONS, free_port, running_server, serve_code, until

INFER = f"/v2/models/{MODEL}/infer"
BODY = json.dumps(request_of(flights(1))).encode()
GUARDED = [("POST", INFER), ("GET", "/v2"), ("GET", f"/v2/models/{MODEL}"), ("GET", "/nothing")]
GUARDED += [("GET", path) for path in ("/metrics", "/openapi.json", f"/v2/models/{MODEL}/ready")]


def test_only_clients_with_a_token_may_ask(versions: Path, tmp_path: Path) -> None:
    """401 and a challenge without a token; health is open, and metrics count refusals."""
    token, later = make_token(), make_token()
    file = tmp_path / "tokens"
    file.write_text(line_of("web", token))
    options = replace(OPTIONS, tokens_file=file)
    with running_server(versions / "1", tmp_path / "log", options=options) as server:

        def status(method: str, path: str, offered: str | None) -> int:
            headers = {} if offered is None else {"authorization": f"Bearer {offered}"}
            reply = server.ask(method, path, content=BODY, headers=headers)
            if reply.status_code == 401:
                assert reply.headers["www-authenticate"].startswith("Bearer ")
                assert reply.json()["error"]
            return reply.status_code

        for path in ("/v2/health/live", "/v2/health/ready"):
            assert status("GET", path, None) == 200
        for method, path in GUARDED:
            assert status(method, path, None) == 401
            assert status(method, path, later) == 401
            assert status(method, path, token) == (404 if path == "/nothing" else 200)
        headers = {"authorization": f"Bearer {token}"}
        figures = server.ask("GET", "/metrics", headers=headers).text
        labels = f'model="{MODEL}"'
        for reason in ("missing", "unknown"):
            counted = f'slipway_auth_failures_total{{{labels},reason="{reason}",version="1"}}'
            assert f"{counted} {len(GUARDED)}" in figures
        answered = sum(method == "POST" for method, _ in GUARDED)
        counted = f'slipway_client_requests_total{{client="web",{labels},version="1"}}'
        assert f"{counted} {answered}" in figures
        file.write_text(line_of("web", later))
        until(lambda: status("POST", INFER, later) == 200, "the new token is good")
        assert status("POST", INFER, token) == 401
        assert token not in server.output.read_text()


def test_a_server_whose_tokens_cannot_be_read_does_not_start(
    versions: Path, tmp_path: Path
) -> None:
    """It exits, instead of being open to all or to none."""
    options = replace(OPTIONS, tokens_file=tmp_path / "absent")
    code = serve_code(versions / "1", tmp_path / "log", options=options, port=free_port())
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert b"the tokens file cannot be read" in ended.stderr


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority."""
    return trustme.CA()


def test_tls(versions: Path, tmp_path: Path, authority: trustme.CA) -> None:
    """With a certificate the server accepts TLS only."""
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


def test_an_unusable_certificate_stops_the_server(versions: Path, tmp_path: Path) -> None:
    """It exits instead of serving without TLS."""
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
def test_listening_beyond_loopback_without_tokens_warns(
    caplog: pytest.LogCaptureFixture, *, options: Options, warns: bool
) -> None:
    """On loopback, and with tokens, there is no warning."""
    with socket.create_server(("127.0.0.1", 0)) as loopback:
        warn_if_unauthenticated(loopback, options)
    assert not caplog.records
    with socket.create_server(("0.0.0.0", 0)) as everywhere, caplog.at_level(logging.WARNING):  # noqa: S104
        warn_if_unauthenticated(everywhere, options)
    assert bool(caplog.records) == warns
