"""A rollout's stages on a real MLflow server, the real local platform and its model servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import PlatformUnavailable
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import digest
from slipway.spec.deployment import Shift
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST
from slipway.stages.rollout import reconcile, shift, switch, verify
from slipway.stages.rollout.promote_champion import promote_champion
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.stages.train.register_version import register_version
from tests.conftest import mlflow_in
from tests.serving.faults import RestartableProcess
from tests.serving.model_versions import DATASET, MODEL, SPEC, flights, request_of, save_version
from tests.serving.platform_env import INFER, PlatformEnv
from tests.serving.processes import Process, free_port, running_platform, until
from tests.serving.test_rollouts import Features

ROWS = flights(3)
STEP = 50
ONE_STEP = SPEC.model_copy(
    update={
        "deployment": SPEC.deployment.model_copy(
            update={"shift": Shift(steps=[STEP], requests=20, max_error_rate=0.2)}
        )
    }
)
GOES_ON = frozenset({"verified", "shifted", "unneeded", "switched", "promoted"})
ALIKE = {
    "slipway.disagreement": "0.5",
    "slipway.disagreement.spread": "0.1",
    "slipway.disagreement.correlation": "1.0",
}
"""What the gates measured, as tags: enough for two versions to be comparable."""


class RolloutsOnMlflow:
    """A platform and a rollout's stages on one MLflow server.

    Args:
        env: The running platform.
        platform: Restarts it.
        mlflow: URL of the MLflow server.
        folder: Holds the trained versions.
        end_mlflow: Kills the MLflow server, if no other test has it.
    """

    def __init__(
        self,
        env: PlatformEnv,
        platform: RestartableProcess,
        mlflow: str,
        folder: Path,
        *,
        end_mlflow: Callable[[], None],
    ) -> None:
        self.env, self._platform, self.end_mlflow = env, platform, end_mlflow
        self.registry, self.tracking = MlflowRegistry(mlflow), MlflowTracking(mlflow)
        self.hands = MlflowClient(mlflow)
        self.folder = folder
        self.ports: dict[str, Any] = {
            "context": RunContext(env.store, {}),
            "registry": self.registry,
            "platform": env.adapter,
        }

    def train(self, seed: int) -> tuple[int, str]:
        """Train and register a version as the train DAG does; its number and digest."""
        uri, key, sealed = self._log(seed)
        made = register_version(
            MODEL,
            model_uri=uri,
            run_key=key,
            tags={DIGEST: sealed, **self._compared()},
            store=self.env.store,
            registry=self.registry,
        )
        self.registry.set_alias(MODEL, "challenger", made.version)
        return made.version, sealed

    def register_by_hand(self, seed: int) -> str:
        """Train, register the version by hand as version 1 and challenger; its digest."""
        uri, key, sealed = self._log(seed)
        made = self.registry.register(MODEL, model_uri=uri, run_key=key, tags={DIGEST: sealed})
        assert made.version == 1
        self.registry.set_alias(MODEL, "challenger", made.version)
        return sealed

    def reconcile(
        self,
        to: str = "challenger",
        *,
        holder: str = "run",
        ended: str | None = None,
        asked_at: datetime | None = None,
    ) -> RunRecord:
        """Run the first stage."""
        more: dict[str, Any] = {"to": to, "holder": holder, "ended": ended, "asked_at": asked_at}
        return reconcile.reconcile(ONE_STEP, **self.ports, **more)

    def verify(self, run: str) -> str:
        """Run the second stage; its action."""
        record = verify.verify(
            ONE_STEP, DATASET, **self.ports, rollout=run, tables=Features(), load=load_package
        )
        return record.verdict.action

    def shift(self, run: str, *, requests: int = 20) -> str:
        """Run the one step; its action."""
        settings = ONE_STEP.deployment.shift.model_copy(update={"requests": requests})
        deployment = ONE_STEP.deployment.model_copy(update={"shift": settings})
        spec = ONE_STEP.model_copy(update={"deployment": deployment})
        return shift.shift(spec, **self.ports, rollout=run, step=STEP).verdict.action

    def switch(self, run: str) -> str:
        """Switch all traffic; its action."""
        return switch.switch(ONE_STEP, **self.ports, rollout=run).verdict.action

    def promote(self, run: str) -> str:
        """Run the last stage; its action."""
        return promote_champion(ONE_STEP, **self.ports, rollout=run).verdict.action

    def finish(self, run: str) -> list[str]:
        """Run the last two stages; their actions."""
        return [self.switch(run), self.promote(run)]

    def roll_out(self, to: str = "challenger", **given: Any) -> list[str]:
        """Run every stage of a rollout, up to the first that ends it; their actions."""
        begun = self.reconcile(to, **given)
        actions, run = [begun.verdict.action], begun.ref.run
        if actions == ["nothing"]:
            return actions
        for stage in (self.verify, self.shift, self.switch, self.promote):
            actions.append(stage(run))
            if actions[-1] not in GOES_ON:
                break
        return actions

    def serve_first(self) -> str:
        """Train version 1 and roll it out; its digest."""
        _, sealed = self.train(seed=1)
        assert self.roll_out()[-1] == "promoted"
        return sealed

    def roll_until(self, last: str) -> str:
        """Train version 2 and run its rollout up to a stage, with clients; its run."""
        self.train(seed=2)
        run = self.reconcile().ref.run
        with self.env.background():
            for name in ("verify", "shift", "switch", "promote"):
                assert getattr(self, name)(run) in GOES_ON
                if name == last:
                    break
        return run

    def restart_platform(self) -> None:
        """Kill the platform and start it again; its servers are starting then."""
        self._platform.again()

        def is_known() -> bool:
            with suppress(PlatformUnavailable):
                return self.env.adapter.served(MODEL) is not None
            return False

        until(is_known, "the platform has read the store")

    def alias(self, name: str) -> int | None:
        """Version by alias."""
        found = self.registry.alias(MODEL, name)
        return None if found is None else found.version

    def outcome(self, version: int) -> str | None:
        """Outcome of a version's last rollout."""
        return self.registry.version(MODEL, version).tags.get(ROLLOUT_TAG)

    def weights(self) -> dict[int, float]:
        """Share of the requests by version."""
        served = self.env.adapter.served(MODEL)
        return {} if served is None else dict(served.weights)

    def served(self) -> str | None:
        """Digest of what serves alone."""
        served = self.env.adapter.served(MODEL)
        assert served is not None
        [version] = served.weights
        return served.digests.get(version)

    def answers_as(self, seed: int) -> bool:
        """Whether clients get the answers of a trained version."""
        reply = self.ask()
        expected = load_package(self.folder / str(seed)).predict(ROWS).tolist()
        found: list[float] = reply.json()["outputs"][0]["data"]
        return found == pytest.approx(expected, rel=1e-6)

    def ask(self) -> httpx.Response:
        """Answer to a request."""
        return self.env.process.ask("POST", INFER, json=request_of(ROWS), timeout=60)

    def await_ready(self) -> None:
        """Wait until the platform answers requests."""
        until(lambda: self.ask().is_success, "requests are answered")

    def _compared(self) -> dict[str, str]:
        champion = self.alias("champion")
        return {} if champion is None else {COMPARED_WITH: f"version {champion}", **ALIKE}

    def _log(self, seed: int) -> tuple[str, str, str]:
        folder, key = self.folder / str(seed), f"{MODEL}/request-{seed:06d}"
        save_version(folder, seed=seed)
        run = self.tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
        uri = self.tracking.log_package(run, folder)
        return uri, key, digest((folder / MANIFEST).read_bytes())


@contextmanager
def rollouts_on_mlflow(
    folder: Path,
    *,
    mlflow: str | None = None,
    scratch: Path | None = None,
    observed_within_seconds: float = 120.0,
) -> Iterator[RolloutsOnMlflow]:
    """A platform that downloads its versions from an MLflow server, where the model is new.

    Args:
        folder: Holds all files.
        mlflow: URL of the server; without it, one of its own is started.
        scratch: Scratch folder of the platform, if it lies elsewhere.
        observed_within_seconds: How long stages wait for the platform.
    """
    store, port = open_store(str(folder / "store")), free_port()
    scratch = scratch or folder / "scratch"
    with ExitStack() as registry:
        if mlflow is None:
            (folder / "mlflow").mkdir()
            mlflow = registry.enter_context(mlflow_in(folder / "mlflow"))
        else:
            registry.callback(_forget_model, MlflowClient(mlflow))
        url = mlflow

        def start() -> AbstractContextManager[Process]:
            return running_platform(store.root, folder, scratch, port=port, mlflow=url)

        with RestartableProcess(start) as platform:
            process = platform.process
            within = observed_within_seconds
            adapter = LocalPlatform(process.url, store, observed_within_seconds=within)
            env = PlatformEnv(process, adapter, store, scratch, folder)
            trained, end = folder / "trained", registry.close
            yield RolloutsOnMlflow(env, platform, url, trained, end_mlflow=end)


def _forget_model(hands: MlflowClient) -> None:
    if hands.search_registered_models(f"name='{MODEL}'"):
        hands.delete_registered_model(MODEL)
