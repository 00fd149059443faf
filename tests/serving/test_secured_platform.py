"""A platform with TLS and tokens, and the adapter of the stages."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import BadParameter, PlatformUnavailable
from slipway.records.store import Store
from slipway.serving.http.tokens import line_of, make_token
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.processes import OPTIONS, Process, running_platform, until
from tests.support.rollout_leases import permit_states

INFER = f"/v2/models/{MODEL}/infer"


@dataclass
class SecuredPlatform:
    """A running platform with its certificate authority and token."""

    process: Process
    store: Store
    token: str
    ca: Path
    tokens_file: Path

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a client with a token."""
        return {"authorization": f"Bearer {self.token}"}

    def adapter(self, *, token: str | None) -> LocalPlatform:
        """The adapter that stages use."""
        return LocalPlatform(self.process.url, self.store, token=token, ca=self.ca)

    def about(self) -> dict[str, Any]:
        """Status of the server of version 1."""
        reply = self.process.ask("GET", f"/platform/models/{MODEL}", headers=self.headers)
        about: dict[str, Any] = reply.json()["servers"]["1"]
        return about


@pytest.fixture(scope="module")
def secured(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredPlatform]:
    """A platform with a certificate of its own, on which version 1 serves."""
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    token = make_token()
    (folder / "tokens").write_text(line_of("stages", token) + "\n")
    options = replace(
        OPTIONS,
        tokens_file=folder / "tokens",
        tls_certificate=folder / "cert.pem",
        tls_key=folder / "key.pem",
    )
    store = open_store(str(folder / "store"))
    permit_states(store, MODEL, 1, up_to=1)
    with running_platform(
        store.root, versions, folder / "scratch", options=options, ca=folder / "ca.pem"
    ) as process:
        secured = SecuredPlatform(process, store, token, folder / "ca.pem", folder / "tokens")
        secured.adapter(token=token).apply(MODEL, weights={1: 1.0}, keep=[], token=1)
        yield secured


def test_stages_are_authenticated(secured: SecuredPlatform, versions: Path) -> None:
    """With token and authority, status, requests and candidates work."""
    adapter = secured.adapter(token=secured.token)
    served = adapter.served(MODEL)
    assert served is not None
    assert served.version == 1
    assert adapter.ask(MODEL, request_of(flights(2))).version == 1
    assert adapter.ask(MODEL, request_of(flights(2)), version=1).version == 1
    with adapter.boot(MODEL, version=2, folder=versions / "2") as candidate:
        assert candidate.infer(request_of(flights(1))).version == 2


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_missing_or_unknown_token_is_refused(secured: SecuredPlatform, token: str | None) -> None:
    """The error is permanent: a retry cannot help."""
    adapter = secured.adapter(token=token)
    with pytest.raises(BadParameter, match="refused the bearer token"):
        adapter.served(MODEL)
    with pytest.raises(BadParameter, match="refused the bearer token"):
        adapter.ask(MODEL, request_of(flights(1)))


def test_an_unknown_certificate_is_not_trusted(secured: SecuredPlatform) -> None:
    """The adapter refuses a certificate without a known authority."""
    with pytest.raises(PlatformUnavailable):
        LocalPlatform(secured.process.url, secured.store, token=secured.token).served(MODEL)
    with pytest.raises(BadParameter, match="authority"):
        LocalPlatform(secured.process.url, secured.store, ca=secured.ca.with_name("none.pem"))
    with pytest.raises(httpx.TransportError):
        httpx.get(secured.process.url.replace("https:", "http:"))


def test_servers_want_the_same_tokens(secured: SecuredPlatform) -> None:
    """A server's own port requires a token too; probes do not."""
    server = f"http://127.0.0.1:{secured.about()['port']}"
    assert httpx.post(server + INFER, json=request_of(flights(1))).status_code == 401
    assert httpx.get(f"{server}/v2/health/ready").is_success
    assert secured.process.get("/v2/health/ready").is_success


def test_a_token_is_rotated_without_a_restart(secured: SecuredPlatform) -> None:
    """A new line is valid within seconds, at the proxy and at the servers."""
    token = make_token()
    with secured.tokens_file.open("a") as file:
        file.write(line_of("stages", token) + "\n")
    headers = {"authorization": f"Bearer {token}"}
    body = request_of(flights(1))
    until(
        lambda: secured.process.ask("POST", INFER, json=body, headers=headers).is_success,
        "the new token is known",
    )


def test_a_server_that_keeps_ending_says_so(secured: SecuredPlatform) -> None:
    """Its status has the number of starts, the exit code and the last log line."""
    before = secured.tokens_file.read_text()
    secured.tokens_file.write_text("nonsense\n")
    os.kill(secured.about()["pid"], signal.SIGKILL)
    until(lambda: secured.about()["restarts"] == 3, "it was started three times")
    until(lambda: secured.about()["last_exit"] == 1, "it has ended")
    about = secured.about()
    assert about["last_line"] == "a line of the tokens file is invalid"
    assert "ended with 1, saying: a line of the tokens file" in about["problem"]
    secured.tokens_file.write_text(before)
    until(lambda: secured.about()["ready"], "it is back")
