"""The world of a script on a real MLflow server and a real platform, which many worlds share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import PlatformUnavailable
from slipway.records.leases import find_lease
from slipway.records.write_state import write_desired
from slipway.stages.rollout.lease import lease_name
from tests.conftest import mlflow_in
from tests.serving.faults import RestartableProcess
from tests.serving.mlflow_world import PAUSE_S, MlflowWorld
from tests.serving.processes import OPTIONS, Process, free_port, running_platform
from tests.serving.quick_candidate import QuickCandidate, quick_candidate
from tests.support.rollout_leases import permit_states


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


class LocalWorld(MlflowWorld):
    """A world with a model of its own on a shared installation.

    Args:
        shared: MLflow and the platform.
        model: Name of its model.
    """

    def __init__(self, shared: Installation, model: str) -> None:
        super().__init__(
            model,
            mlflow=shared.mlflow,
            folder=shared.folder,
            trained=shared.trained,
            deployment={},
        )
        self._shared = shared
        url = shared.platform.process.url
        self.platform = QuicklyVerified(url, self.counted, observed_within_seconds=40)
        self.begin(f"{url}/v2/models/{model}/infer", lambda: self.platform.served(model))

    def remove(self) -> None:
        """Let the model be served no more."""
        last = find_lease(self.store, lease_name(self.spec.model))
        token = 1 if last is None else last.number + 1
        permit_states(self.store, self.spec.model, up_to=token)
        write_desired(self.store, self.spec.model, weights={}, keep=[], token=token)

    def restart_platform(self) -> None:
        """Kill the platform and start it again; clients wait until it is ready."""
        with self.asking.silent():
            self._shared.platform.again()
            self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(PlatformUnavailable):
                served = self.platform.served(self.spec.model)
                if served is None or not served.weights or any(served.healthy.values()):
                    return
            time.sleep(PAUSE_S)
