"""The client of the Kubernetes API: its configuration, errors and retries."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.api_client import open_cluster
from slipway.adapters.platforms.cluster.api_errors import error_of
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from slipway.errors import (
    BadParameter,
    ClusterUnavailable,
    CommitConflict,
    Denied,
    EditedByHand,
    NotFound,
    SlipwayError,
)
from slipway.settings import Settings
from slipway.spec import ModelSpec
from slipway.wiring.container import Container
from tests.conftest import free_port
from tests.support import packages
from tests.support.kubeconfig import kubeconfig


def status_body(message: str, **more: Any) -> bytes:
    """A `Status` object."""
    return json.dumps({"kind": "Status", "message": message, **more}).encode()


OWNED = {
    "causes": [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1',
            "field": ".spec.replicas",
        }
    ]
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, status_body("Unauthorized"), Denied, "still valid"),
        (403, status_body('cannot patch resource "services"'), Denied, "cannot patch resource"),
        (
            400,
            status_body("admission webhook denied the request: no"),
            Denied,
            "denied the request",
        ),
        (422, status_body("Deployment is invalid: spec.x"), Denied, "admission rule"),
        (404, status_body('namespaces "slipway" not found'), NotFound, "namespaces"),
        (409, status_body("the object has been modified"), CommitConflict, "was changed meanwhile"),
        (
            409,
            status_body("conflict", details=OWNED),
            EditedByHand,
            ".spec.replicas set by kubectl-edit",
        ),
        (429, status_body("too many requests"), ClusterUnavailable, "too many requests"),
        (500, b"<html>proxy</html>", ClusterUnavailable, "<html>proxy</html>"),
        (503, b"", ClusterUnavailable, "status 503"),
        (500, None, ClusterUnavailable, "status 500"),
        (403, b'["odd"]', Denied, '["odd"]'),
    ],
)
def test_a_refusal_has_the_servers_message(
    status: int, body: bytes | None, kind: type[SlipwayError], words: str
) -> None:
    """Each status is an error class, transient or permanent."""
    error = error_of(status, body, verb="apply", where="Deployment slipway/m-v3")
    assert type(error) is kind
    assert words in str(error)
    assert "Deployment slipway/m-v3" in str(error)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without a kubeconfig and without a service account."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("nowhere")
def test_without_kubeconfig_and_service_account_it_is_refused() -> None:
    """The error has the expected files, and the variable to set."""
    with pytest.raises(BadParameter, match="cannot be read") as caught:
        open_cluster("slipway")
    assert "KUBECONFIG" in str(caught.value)


def test_a_broken_kubeconfig_is_reported(tmp_path: Path) -> None:
    """With the client's message."""
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\n")
    with pytest.raises(BadParameter, match="cannot be read"):
        open_cluster("slipway", kubeconfig=path)


def test_a_refused_connection_is_an_outage(tmp_path: Path) -> None:
    """After a few attempts with growing waits, within the time limit."""
    slept: list[float] = []
    objects = open_cluster(
        "slipway",
        kubeconfig=kubeconfig(tmp_path, f"http://127.0.0.1:{free_port()}"),
        sleep=slept.append,
    )
    with pytest.raises(ClusterUnavailable, match="does not answer") as caught:
        objects.get("Service", "m")
    assert "NewConnectionError" in str(caught.value)
    assert len(slept) == 3
    assert slept == sorted(slept)
    assert sum(slept) < 5


def test_an_untrusted_certificate_is_an_outage(tmp_path: Path) -> None:
    """The handshake fails before any response."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    address = f"https://127.0.0.1:{listener.getsockname()[1]}"
    objects = open_cluster(
        "slipway", kubeconfig=kubeconfig(tmp_path, address), sleep=lambda _: None
    )
    with pytest.raises(ClusterUnavailable) as caught:
        objects.has_gateway_api()
    listener.close()
    assert ssl.SSLError.__name__ in str(caught.value)


def test_a_models_platform_is_its_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One per model, made without any request."""
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(path))
    shop = Container(Settings(mlflow="http://127.0.0.1:1", project=tmp_path))
    local = packages.spec("sklearn.linear_model.LogisticRegression")
    spec = ModelSpec.model_validate(
        {
            **local.model_dump(exclude_unset=True),
            "deployment": {"target": "kubernetes", "kubernetes": {"image": "s:1"}},
        }
    )
    platform = shop.platform_for(spec)
    assert isinstance(platform, ClusterPlatform)
    assert shop.platform_for(spec) is platform
    assert shop.log_for(spec) is shop.log
