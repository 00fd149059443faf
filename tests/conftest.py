"""Real services for tests, each started at most once per process, on free loopback ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from slipway.records.store import Store
from tests.support import hanging_tests

READY_WITHIN_S = 180
QUIET = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MPLBACKEND": "Agg",
    # The suite uses every core already; more threads per test only compete.
    "OMP_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}


def pytest_configure(config: pytest.Config) -> None:
    """Isolate tests from the person's settings, folders and accounts, and from telemetry."""
    for name in list(os.environ):
        if name.startswith(("SLIPWAY_", "AIRFLOW_", "MLFLOW_", "AWS_")):
            del os.environ[name]
    # Tests start some hundred processes, which import the same packages: each is compiled once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    config.pluginmanager.register(hanging_tests)
    home = tempfile.mkdtemp(prefix="slipway-airflow-")
    os.environ |= QUIET | {"AIRFLOW_HOME": home}
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    # A slow machine may need time for an example; no property depends on it.
    hypothesis.settings.register_profile("slipway", deadline=None)
    hypothesis.settings.load_profile("slipway")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name packed bytes by their length: they may hold a clock, and workers compare names."""
    return f"{argname}-{len(val)}" if isinstance(val, bytes) and b"\x00" in val else None


def free_port() -> int:
    """A free TCP port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the database, the artifacts and the log of `mlflow_server`."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def mlflow_server(mlflow_folder: Path) -> Iterator[str]:
    """URL of a real MLflow server on SQLite that serves artifacts."""
    with mlflow_in(mlflow_folder) as url:
        yield url


@contextmanager
def mlflow_in(folder: Path, *, admin: tuple[str, str] | None = None) -> Iterator[str]:
    """URL of a real MLflow server with its data in a folder.

    Args:
        folder: Folder.
        admin: Name and password of an administrator of MLflow's own authentication; None: without.
    """
    url = f"http://127.0.0.1:{free_port()}"
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            _mlflow_command(url, has_users=admin is not None),
            cwd=folder,
            env=os.environ | _mlflow_environment(folder) | _mlflow_users(folder, admin),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_ready(process, f"{url}/health", folder / "server.log")
        yield url
    finally:
        _end(process)


def _mlflow_command(url: str, *, has_users: bool) -> list[str]:
    """Return what `mlflow server` starts, which loads all of MLflow twice to start it."""
    host, port = url.removeprefix("http://").split(":")
    app = ["mlflow.server.fastapi_app:app"]
    if has_users:
        app = ["--factory", "mlflow.server.auth:create_app"]
    return [sys.executable, "-m", "uvicorn", *app, "--host", host, "--port", port]


def _mlflow_users(folder: Path, admin: tuple[str, str] | None) -> dict[str, str]:
    """Return the environment of MLflow's authentication, as docker/compose.yaml has it."""
    if admin is None:
        return {}
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = READ\nauth_cache_ttl_seconds = 60\n"
        f"database_uri = sqlite:///{folder}/users.db\n"
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_USERNAME": admin[0],
        "MLFLOW_AUTH_ADMIN_PASSWORD": admin[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of tests",
    }


def _mlflow_environment(folder: Path) -> dict[str, str]:
    """Return the environment that `mlflow server` gives to its worker."""
    return {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
    }


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    # Not a request of its own each time: it would read the machine's authorities for 20 ms.
    with httpx.Client(timeout=5) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            time.sleep(0.1)
    pytest.fail(f"no answer from {url}; the server's last words:\n{log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """URL of an S3 server in this process, with the bucket `slipway-tests`."""
    from moto.s3.responses import S3Response
    from moto.server import ThreadedMotoServer

    # It checks for an object and then writes it; from CPython 3.12, threads interleave here.
    alone, put = threading.Lock(), S3Response.put_object

    def put_alone(response: S3Response) -> Any:
        with alone:
            return put(response)

    S3Response.put_object = put_alone
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.put(f"{url}/slipway-tests").raise_for_status()
    yield url
    server.stop()


@pytest.fixture
def s3_store(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty store root on S3, with credentials in the environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_CONDITIONAL_PUT": "etag",
    }.items():
        monkeypatch.setenv(name, value)
    return f"s3://slipway-tests/{uuid.uuid4().hex}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store in a local folder."""
    from slipway.adapters.object_store import open_store

    return open_store(str(tmp_path / "store"))


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A function that makes a project folder of given files, by path below `include/`."""

    def make(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for path, text in files.items():
            target = root / "include" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return root

    return make
