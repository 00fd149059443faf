"""The world of a script on a real MLflow server, whatever serves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from mlflow import MlflowClient

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.errors import PlatformUnavailable
from slipway.records.store import digest
from slipway.records.verified_versions import was_verified
from slipway.spec import ModelSpec
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.rollout.entered_registry import EnteredRegistry
from slipway.stages.rollout.platform import Served
from tests.serving.model_versions import (
    DATASET,
    SPEC,
    change_manifest,
    flights,
    request_of,
    tamper,
)
from tests.serving.test_rollouts import Features
from tests.support.theorem.asking import Asking
from tests.support.theorem.deliveries import Deliveries
from tests.support.theorem.steps import GOOD
from tests.support.theorem.world import World
from tests.support.theorem.writes import REGISTRY_WRITES, STORE_WRITES, Port

ONE_STEP: dict[str, Any] = {
    "shift": {"steps": [50], "requests": 5, "max_error_rate": 0.5, "limit_minutes": 2},
    "verify": {"replay_rows": 20, "max_p99_ms": 5000.0},
}
"""Of `deployment`."""
PAUSE_S = 0.05


class ModelHands:
    """A person in MLflow.

    Args:
        mlflow: URL of the server.
        model: The one model.
    """

    def __init__(self, mlflow: str, model: str) -> None:
        self._client, self._model = MlflowClient(mlflow), model

    def delete_version(self, version: int) -> None:
        """Delete a version with its aliases."""
        self._client.delete_model_version(self._model, str(version))

    def delete_model(self) -> None:
        """Delete the registered model."""
        if self._exists():
            self._client.delete_registered_model(self._model)

    def versions(self) -> list[int]:
        """Numbers of the versions that there are, rising."""
        found = self._client.search_model_versions(f"name='{self._model}'")
        return sorted(int(one.version) for one in found)

    def _exists(self) -> bool:
        return bool(self._client.search_registered_models(f"name='{self._model}'"))


class MlflowWorld(World):
    """A world with a model of its own on a shared MLflow server; a subclass says what serves it.

    Args:
        model: Name of its model.
        mlflow: URL of the server.
        folder: Holds the store, and what the worlds leave.
        trained: Holds trained versions, as the folders `1` and `2`.
        deployment: Section of the model's spec.
    """

    def __init__(
        self,
        model: str,
        *,
        mlflow: str,
        folder: Path,
        trained: Path,
        deployment: dict[str, Any],
    ) -> None:
        super().__init__()
        self._folder, self._trained = folder, trained
        self.dataset, self.tables, self.load = DATASET, Features(), load_package
        self.spec = ModelSpec.model_validate(
            SPEC.model_dump(exclude_unset=True)
            | {
                "model": model,
                "deployment": ONE_STEP | deployment,
                "retraining": {"mode": "suggest", "first_after_labels": 1},
            }
        )
        self.store = open_store(str(folder / "store"))
        self.counted: Any = Port(self.store, self.writes, names=STORE_WRITES)
        self.plain_registry = Port(
            MlflowRegistry(mlflow),
            self.writes,
            names=REGISTRY_WRITES,
            is_away=lambda: "MLflow" in self.away,
        )
        self.registry = EnteredRegistry(self.plain_registry, self.counted)
        self.hands = ModelHands(mlflow, model)
        self._tracking = MlflowTracking(mlflow)
        landed = open_store(str(folder / model))
        counted: Any = Port(landed, self.writes, names=STORE_WRITES)
        tables = DeltaTables(landed.root)
        self.deliveries = Deliveries(landed, counted, tables=tables, writes=self.writes)
        self._closing = ExitStack()

    def begin(self, url: str, look: Callable[[], Served | None]) -> None:
        """Let a client ask, and look at what serves.

        Args:
            url: Where clients send requests.
            look: What serves, as nobody counts.
        """
        self.asking, self._look = Asking(url, request_of(flights(1))), look

    def __enter__(self) -> Self:
        self._closing.enter_context(self.asking)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        self.remove()

    def remove(self) -> None:
        """Let the model be served no more."""

    def watch(self) -> None:
        """Every request so far was answered, and what serves was verified."""
        try:
            served = self._look()
        except PlatformUnavailable:
            served = None
        for failure in self.asking.failed:
            self.note(f"a request is not answered: {failure}")
        if served is None or not served.weights:
            return
        self.asking.may_ask.set()
        for version in served.weights:
            sha256 = served.digests.get(version)
            if sha256 and not was_verified(self.store, self.spec.model, sha256):
                self.note(f"version {version} serves, and no verify passed it")

    def sleep(self, seconds: float) -> None:
        """Wait for a moment, which is as long as is asked for on the clock of leases."""
        self.pass_time(seconds)
        time.sleep(min(seconds, PAUSE_S))

    def log(self, quality: str, *, run_key: str) -> tuple[str, str]:
        """Log a trained version, or one whose bytes differ from its digest."""
        folder = self._folder / "logged" / uuid4().hex
        seed = 1 + sum(run_key.encode()) % 2
        shutil.copytree(self._trained / str(seed), folder)
        change_manifest(folder, made_for=folder.name)
        if quality != GOOD:
            tamper(folder)
        run = self._tracking.begin(
            self.spec.model, run_key=run_key, attempt=1, tags={}, params={}, tables=[]
        )
        sha256 = digest((folder / MANIFEST).read_bytes())
        return self._tracking.log_package(run, folder), sha256
