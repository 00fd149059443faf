"""Fixtures of contract tests: each kind of store and of registry, and a version to register."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest

from slipway.adapters.experiment_folder import FolderRegistry, FolderTracking
from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.object_store import open_store
from slipway.records.store import Store
from slipway.stages.model.manifest import seal
from tests.fakes.memory_store import MemoryStore
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking
from tests.support.registry_env import RegistryEnv


@pytest.fixture(params=["disk", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind in turn."""
    if request.param == "disk":
        return open_store(str(tmp_path / "store"))
    if request.param == "memory":
        return MemoryStore()
    return open_store(request.getfixturevalue("s3_store"))


@pytest.fixture(params=["memory", "folder", "mlflow"])
def registry_env(request: pytest.FixtureRequest, tmp_path: Path) -> RegistryEnv:
    """A registry of each kind in turn, with a model of its own."""
    model = f"model_{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        tracking = MemoryTracking(tmp_path / "memory")
        return RegistryEnv(
            MemoryRegistry(tracking), tracking, lambda run: tracking.runs[run].status, model
        )
    if request.param == "folder":
        kept = FolderTracking(tmp_path / "folder")
        registry = FolderRegistry(tmp_path / "folder")
        return RegistryEnv(registry, kept, lambda run: str(kept.read(run)["status"]), model)
    url = request.getfixturevalue("mlflow_server")

    def status(run_id: str) -> str:
        run = httpx.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()
        found: str = run["run"]["info"]["status"]
        return found

    return RegistryEnv(MlflowRegistry(url), MlflowTracking(url), status, model)


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, str]:
    """A model version's folder and the digest of its manifest."""
    folder = tmp_path / "sealed"
    (folder / "slipway").mkdir(parents=True)
    (folder / "model.skops").write_bytes(b"model")
    (folder / "slipway" / "notes on it.txt").write_text("blank, % and é", encoding="utf-8")
    return folder, seal(folder, {"model": "m"})
