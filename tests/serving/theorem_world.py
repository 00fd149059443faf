"""The world of a script on a real MLflow server and a real platform, which many worlds share."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from mlflow import MlflowClient

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import PlatformUnavailable
from slipway.records.desired_state import write_desired
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import digest
from slipway.records.verified_versions import was_verified
from slipway.spec import ModelSpec
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.rollout import verify
from slipway.stages.rollout.platform import Served
from tests.conftest import mlflow_in
from tests.serving.faults import RestartableProcess
from tests.serving.model_versions import (
    DATASET,
    SPEC,
    change_manifest,
    flights,
    request_of,
    tamper,
)
from tests.serving.processes import OPTIONS, Process, free_port, running_platform
from tests.serving.quick_candidate import QuickCandidate, quick_candidate
from tests.serving.test_rollouts import Features
from tests.support.theorem.clock import ShiftedClock, seconds_ahead
from tests.support.theorem.deliveries import Deliveries
from tests.support.theorem.steps import GOOD
from tests.support.theorem.training import run_train_dag
from tests.support.theorem.world import World
from tests.support.theorem.writes import REGISTRY_WRITES, STORE_WRITES, Port

ONE_STEP: Mapping[str, Any] = {
    "deployment": {
        "shift": {"steps": [50], "requests": 5, "max_error_rate": 0.5, "limit_minutes": 2},
        "verify": {"replay_rows": 20, "max_p99_ms": 5000.0},
    },
    "retraining": {"mode": "suggest", "first_after_labels": 1},
}
PAUSE_S = 0.05


@dataclass
class Installation:
    """What worlds share: MLflow, the platform, and trained versions.

    Attributes:
        mlflow: URL of the MLflow server.
        platform: The platform's process.
        folder: Holds store and scratch.
        trained: Holds trained versions.
    """

    mlflow: str
    platform: RestartableProcess
    folder: Path
    trained: Path


@contextmanager
def installation(folder: Path, trained: Path) -> Iterator[Installation]:
    """A running MLflow server and platform, in a folder.

    Args:
        folder: Where to.
        trained: Holds trained versions, as the folders `1` and `2`.
    """
    (folder / "mlflow").mkdir()
    store, scratch, port = str(folder / "store"), folder / "scratch", free_port()
    with mlflow_in(folder / "mlflow") as url:

        def start() -> AbstractContextManager[Process]:
            return running_platform(store, folder, scratch, port=port, options=OPTIONS, mlflow=url)

        with RestartableProcess(start) as platform:
            yield Installation(url, platform, folder, trained)


class QuicklyVerified(LocalPlatform):
    """The local platform, whose candidates are served in this process."""

    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> AbstractContextManager[QuickCandidate]:  # type: ignore[override]
        """A candidate in this process."""
        del digest
        return quick_candidate(model, version=version, folder=folder)


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


@dataclass
class Asking:
    """A client that sends requests without a pause while it may.

    Attributes:
        url: Where to.
        failed: Answers that were none.
        answered: Number of answers.
        may_ask: Whether it may.
    """

    url: str
    failed: list[str] = field(default_factory=list)
    answered: int = 0
    may_ask: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._over, self._alone = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """No request is sent or waits inside."""
        with self._alone:
            yield

    def _ask(self) -> None:
        body = request_of(flights(1))
        with httpx.Client(timeout=90) as client:
            while not self._over.wait(PAUSE_S / 2):
                if self.may_ask.is_set():
                    with self._alone:
                        self._ask_once(client, body)

    def _ask_once(self, client: httpx.Client, body: dict[str, Any]) -> None:
        key = uuid4().hex
        try:
            reply = client.post(self.url, json={**body, "id": key}, headers={"x-slipway-key": key})
        except httpx.TransportError as error:
            self.failed.append(type(error).__name__)
            return
        self.answered += reply.is_success
        if not reply.is_success:
            self.failed.append(f"{reply.status_code}: {reply.text}")


class LocalWorld(World):
    """A world with a model of its own on a shared installation.

    Args:
        shared: MLflow and the platform.
        model: Name of its model.
    """

    def __init__(self, shared: Installation, model: str) -> None:
        super().__init__()
        ShiftedClock.ahead = timedelta()
        self._shared = shared
        self.spec = ModelSpec.model_validate(SPEC.model_dump() | {"model": model} | ONE_STEP)
        self.store = open_store(str(shared.folder / "store"))
        self.counted: Any = Port(self.store, self.writes, names=STORE_WRITES)
        real = MlflowRegistry(shared.mlflow)
        self.registry = Port(
            real, self.writes, names=REGISTRY_WRITES, is_away=lambda: "MLflow" in self.away
        )
        self.hands = ModelHands(shared.mlflow, model)
        self._url = shared.platform.process.url
        self.platform = QuicklyVerified(self._url, self.counted, observed_within_seconds=40)
        self._tracking = MlflowTracking(shared.mlflow)
        landed = open_store(str(shared.folder / model))
        counted: Any = Port(landed, self.writes, names=STORE_WRITES)
        tables = DeltaTables(landed.root)
        self.deliveries = Deliveries(landed, counted, tables=tables, writes=self.writes)
        self._clients = ExitStack()
        self.asking = Asking(f"{self._url}/v2/models/{model}/infer")

    def __enter__(self) -> Self:
        self._clients.enter_context(self.asking)
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.close()
        write_desired(self.store, self.spec.model, weights={}, keep=[], token=10**6)

    def watch(self) -> None:
        """Every request so far was answered, and what serves was verified."""
        served = self._served()
        if served is None or not served.weights:
            return
        self.asking.may_ask.set()
        for failure in self.asking.failed:
            self._note(f"a request is not answered: {failure}")
        for version in served.weights:
            sha256 = served.digests.get(version)
            if sha256 and not was_verified(self.store, self.spec.model, sha256):
                self._note(f"version {version} serves, and no verify passed it")

    def train(self, quality: str, *, holder: str) -> None:
        """Run the train DAG."""
        run_train_dag(
            self.spec,
            DATASET,
            quality=quality,
            context=RunContext(self.counted, {"run_id": holder}),
            tables=Features(),
            registry=self.registry,  # type: ignore[arg-type]
            log=self._log,
        )

    def deliver(self, batch: str) -> None:
        """Land a file and run the ingest DAG."""
        self.deliveries.deliver(batch)

    def verify(self, run: str, context: RunContext) -> RunRecord:
        """Run the second stage of a rollout."""
        return verify.verify(
            self.spec,
            DATASET,
            rollout=run,
            context=context,
            registry=self.registry,  # type: ignore[arg-type]
            platform=self.platform,
            tables=Features(),  # type: ignore[arg-type]
            load=load_package,
        )

    def shift(self, rollout: str, step: int, **ports: Any) -> RunRecord:
        """Run one step; a second of its clock is shorter than a real one."""
        return super().shift(rollout, step, **ports, clock=seconds_ahead, sleep=self.sleep)

    def restart_platform(self) -> None:
        """Kill the platform and start it again; clients wait until it is ready."""
        with self.asking.silent():
            self._shared.platform.again()
            self._await_ready()

    def sleep(self, seconds: float) -> None:
        """Wait for a moment, which is as long as is asked for on the clock of leases."""
        self.pass_time(seconds)
        time.sleep(min(seconds, PAUSE_S))

    def pass_time(self, seconds: float) -> None:
        """Move the clock of leases."""
        ShiftedClock.ahead += timedelta(seconds=seconds)

    def _log(self, quality: str, *, run_key: str) -> tuple[str, str]:
        """Log a trained version, or one whose bytes differ from its digest."""
        folder = self._shared.folder / "logged" / uuid4().hex
        seed = 1 + sum(run_key.encode()) % 2
        shutil.copytree(self._shared.trained / str(seed), folder)
        change_manifest(folder, made_for=folder.name)
        if quality != GOOD:
            tamper(folder)
        run = self._tracking.begin(
            self.spec.model, run_key=run_key, attempt=1, tags={}, params={}, tables=[]
        )
        sha256 = digest((folder / MANIFEST).read_bytes())
        return self._tracking.log_package(run, folder), sha256

    def _served(self) -> Served | None:
        try:
            return self.platform.served(self.spec.model)
        except PlatformUnavailable:
            return None

    def _await_ready(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(PlatformUnavailable):
                served = self.platform.served(self.spec.model)
                if served is None or not served.weights or any(served.healthy.values()):
                    return
            time.sleep(PAUSE_S)

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
