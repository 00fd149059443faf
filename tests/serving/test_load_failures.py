"""Versions that cannot serve."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.serving.model_versions import MODEL, change_manifest, flights, request_of
from tests.serving.processes import Process, running_server

INFER = f"/v2/models/{MODEL}/infer"


def post(server: Process) -> httpx.Response:
    """The answer to a request."""
    return server.ask("POST", INFER, json=request_of(flights(1)), timeout=60)


def broken(versions: Path, folder: Path, how: str) -> Path:
    """A version that cannot serve, and the reason."""
    shutil.copytree(versions / "1", folder)
    if how == "missing":
        (folder / "slipway" / "model.onnx").unlink()
    if how == "no manifest":
        (folder / "slipway" / "manifest.json").unlink()
    if how == "no JSON":
        (folder / "slipway" / "manifest.json").write_text("{")
    if how == "tampered":
        (folder / "slipway" / "model.onnx").write_bytes(b"something else")
    if how == "no ONNX":
        path = folder / "slipway" / "model.onnx"
        path.write_bytes(b"something else")
        files = json.loads((folder / "slipway" / "manifest.json").read_text())["files"]
        files["slipway/model.onnx"] = hashlib.sha256(b"something else").hexdigest()
        change_manifest(folder, files=files)
    if how == "no such engine":
        change_manifest(folder, engine={"name": "abacus"})
    if how == "no key":
        change_manifest(folder, pii={"carrier": "hash"})
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "tampered",
            "Tampered: a file of a model version differs from the one that was registered",
        ),
        ("missing", "Tampered: a file of a model version is missing"),
        ("no manifest", "Tampered: the manifest of a model version cannot be read"),
        ("no JSON", "Tampered: the manifest of a model version cannot be read"),
        ("no ONNX", "Tampered: the ONNX form of a version cannot be loaded"),
        ("no such engine", "BadParameter: the manifest of a model version names an unknown engine"),
        ("no key", "BadParameter: the key to hash carrier is missing"),
    ],
)
def test_a_version_that_cannot_serve_is_live_but_never_ready(
    versions: Path, tmp_path: Path, how: str, message: str
) -> None:
    """The server stays up, reports the reason on health and in its output, and answers nothing."""
    folder = broken(versions, tmp_path / "version", how)
    with running_server(folder, tmp_path / "log") as server:
        assert server.get("/v2/health/live").is_success
        for path in ("/v2/health/ready", f"/v2/models/{MODEL}/ready"):
            ready = server.get(path)
            assert ready.status_code == 503
            assert ready.json()["error"].startswith(message)
        reply = post(server)
        assert reply.status_code == 503
        assert reply.json()["error"].startswith(message)
        assert server.get(f"/v2/models/{MODEL}").status_code == 503
        assert server.get("/openapi.json").status_code == 503
        assert message in server.output.read_text()
        assert server.stop() == 0
