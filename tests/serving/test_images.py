"""Commands of images, run with the packages of their own lock file only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST, open_sealed
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.model.version_tags import DIGEST, SIGNED_BY
from tests.serving.model_versions import MODEL, flights, offline_scores, request_of
from tests.serving.prediction_log import record, segments, write_ahead
from tests.serving.processes import Process, free_port, until
from tests.support import image
from tests.support.keys import Keys


def of_image(lock: str, *arguments: str) -> list[str]:
    """A command line in an image."""
    return [sys.executable, "-P", str(image.__file__), lock, *arguments]


@contextmanager
def container(
    lock: str, *arguments: str, folder: Path, env: Mapping[str, str], port: int = 0
) -> Iterator[Process]:
    """A process of an image, killed at the end."""
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            of_image(lock, *arguments), stdout=file, stderr=file, env={**os.environ, **env}
        )
    try:
        yield Process(process, f"http://127.0.0.1:{port}", output)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("version", "engine"), [(1, "onnx"), (4, "sklearn"), (5, "sklearn")])
def test_the_servers_image_answers(
    versions: Path, tmp_path: Path, version: int, engine: str
) -> None:
    """Both engines give the offline scores of a signed version, and log them."""
    port = free_port()
    keys = Keys.make(tmp_path)
    folder = shutil.copytree(versions / str(version), tmp_path / "version")
    keys.sign(folder, MODEL)
    asked = ("serve", MODEL, "--version", str(version), "--port", str(port))
    with container(
        "server",
        *(*asked, "--folder", str(folder)),
        folder=tmp_path,
        env={"SLIPWAY_SCRATCH": str(tmp_path), "SLIPWAY_TRUSTED_KEYS": str(keys.public)},
        port=port,
    ) as server:
        until(lambda: server.get("/v2/health/ready").is_success, "the server is ready")
        rows = flights(5)
        reply = server.ask("POST", f"/v2/models/{MODEL}/infer", json=request_of(rows)).json()
        assert reply["outputs"][0]["data"] == pytest.approx(offline_scores(folder, rows), abs=1e-6)
        about = server.get(f"/v2/models/{MODEL}").json()
        assert about["platform"].endswith(engine)
        assert segments(tmp_path / "log")
        assert server.stop() == 0


def test_the_servers_image_downloads(versions: Path, tmp_path: Path, mlflow_server: str) -> None:
    """A registered and signed version is downloaded completely from a registry over HTTP."""
    model = f"delay_{uuid.uuid4().hex[:12]}"
    sealed = digest((versions / "1" / MANIFEST).read_bytes())
    tracking = MlflowTracking(mlflow_server)
    run = tracking.begin(model, run_key="delay/1", attempt=1, tags={}, params={}, tables=[])
    uri = tracking.log_package(run, versions / "1")
    keys, registry = Keys.make(tmp_path), MlflowRegistry(mlflow_server)
    tags = {DIGEST: sealed, SIGNED_BY: keys.key_id}
    registry.register(model, model_uri=uri, run_key="delay/1", tags=tags)
    registry.add_file(model, 1, SIGNATURE, keys.bundle(versions / "1", model))
    into = tmp_path / "model" / "version"
    # As a pod does, which has no store to ask for what the ledger knows.
    which = ["--version", "1", "--digest", sealed]
    done = subprocess.run(
        of_image("server", "download", model, *which, "--into", str(into)),
        env={
            **os.environ,
            "SLIPWAY_MLFLOW": mlflow_server,
            "SLIPWAY_TRUSTED_KEYS": str(keys.public),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert open_sealed(into, sha256=sealed)["model"] == MODEL


def test_the_shippers_image_ships(tmp_path: Path) -> None:
    """Segments become Parquet without an HTTP server or a machine-learning library."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1, days=(1, 2)))
    root = str(tmp_path / "store")
    env = {"SLIPWAY_STORE": root, "SLIPWAY_SCRATCH": str(tmp_path)}
    with container("shipper", "ship", folder=tmp_path, env=env) as shipper:
        until(lambda: not segments(tmp_path), "the segment is shipped")
        assert shipper.stop() == 0
    assert PredictionLog(open_store(root)).count(MODEL) == 2


@pytest.mark.parametrize(
    ("lock", "module"),
    [
        ("server", "pyarrow"),
        ("server", "mlflow"),
        ("server", "kubernetes"),
        ("shipper", "pandas"),
        ("shipper", "uvicorn"),
        ("stages", "airflow"),
        ("mlflow", "obstore"),
    ],
)
def test_an_image_lacks_what_its_lock_lacks(lock: str, module: str) -> None:
    """An import of an unlocked package fails, or the other tests here would prove nothing."""
    code = (
        "import importlib.metadata as m, runpy, sys;"
        f"runpy.run_path({str(image.__file__)!r})['enter']({lock!r});"
        f"assert {module!r} not in {{one.name for one in m.distributions()}}; import {module}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"No module named '{module}'" in done.stderr
