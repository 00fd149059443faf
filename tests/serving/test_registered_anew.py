"""A registered model is deleted in MLflow and made anew: what serves stays, until verified."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import digest
from slipway.spec.deployment import Shift
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout import reconcile, shift, switch, verify
from slipway.stages.rollout.promote_champion import promote_champion
from slipway.stages.train.register_version import register_version
from tests.conftest import mlflow_in
from tests.serving.model_versions import DATASET, MODEL, SPEC, flights, request_of, save_version
from tests.serving.platform_env import PlatformEnv
from tests.serving.processes import running_platform, until
from tests.serving.test_rollouts import Features

ROWS = flights(3)
ONE_STEP = SPEC.model_copy(
    update={
        "deployment": SPEC.deployment.model_copy(
            update={"shift": Shift(steps=[50], requests=20, max_error_rate=0.2)}
        )
    }
)


class Installation:
    """A platform and a rollout's stages on one MLflow server.

    Args:
        env: The running platform.
        mlflow: URL of the MLflow server.
        folder: Holds the trained versions.
    """

    def __init__(self, env: PlatformEnv, mlflow: str, folder: Path) -> None:
        self.env = env
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
            tags={DIGEST: sealed},
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

    def _log(self, seed: int) -> tuple[str, str, str]:
        folder, key = self.folder / str(seed), f"{MODEL}/request-{seed:06d}"
        save_version(folder, seed=seed)
        run = self.tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
        uri = self.tracking.log_package(run, folder)
        return uri, key, digest((folder / MANIFEST).read_bytes())

    def reconcile(self) -> RunRecord:
        """Run the first stage."""
        return reconcile.reconcile(ONE_STEP, **self.ports, holder="run")

    def verify(self, run: str) -> str:
        """Run the second stage; its action."""
        record = verify.verify(
            ONE_STEP, DATASET, **self.ports, rollout=run, tables=Features(), load=load_package
        )
        return record.verdict.action

    def finish(self, run: str) -> list[str]:
        """Run the last two stages; their actions."""
        last = (switch.switch, promote_champion)
        return [stage(ONE_STEP, **self.ports, rollout=run).verdict.action for stage in last]

    def shift(self, run: str) -> str:
        """Run the one step; its action."""
        return shift.shift(ONE_STEP, **self.ports, rollout=run, step=50).verdict.action

    def roll_out(self) -> list[str]:
        """Run every stage of a rollout without steps; their actions."""
        run = self.reconcile().ref.run
        return [self.verify(run), *self.finish(run)]

    def served(self) -> str | None:
        """Digest of what serves alone."""
        served = self.env.adapter.served(MODEL)
        assert served is not None
        [version] = served.weights
        return served.digests.get(version)

    def answers_as(self, seed: int) -> bool:
        """Whether clients get the answers of a trained version."""
        url = f"{self.env.process.url}/v2/models/{MODEL}/infer"
        reply = httpx.post(url, json=request_of(ROWS), timeout=60)
        expected = load_package(self.folder / str(seed)).predict(ROWS).tolist()
        found: list[float] = reply.json()["outputs"][0]["data"]
        return found == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A platform that downloads its versions from MLflow."""
    (tmp_path / "mlflow").mkdir()
    store, scratch = open_store(str(tmp_path / "store")), tmp_path / "scratch"
    with (
        mlflow_in(tmp_path / "mlflow") as url,
        running_platform(store.root, tmp_path, scratch, mlflow=url) as process,
    ):
        adapter = LocalPlatform(process.url, store)
        env = PlatformEnv(process, adapter, store, scratch, tmp_path)
        yield Installation(env, url, tmp_path / "trained")


def test_a_model_trained_anew_takes_the_whole_way(installation: Installation) -> None:
    """Under the next number: verified, a canary beside the old bytes, and no failed request."""
    old, sealed = installation.train(seed=1)
    assert installation.roll_out() == ["verified", "switched", "promoted"]
    installation.hands.delete_registered_model(MODEL)
    new, _ = installation.train(seed=2)
    assert (old, new) == (1, 2)
    with installation.env.background() as clients:
        run = installation.reconcile().ref.run
        assert installation.verify(run) == "verified"
        assert installation.served() == sealed
        assert installation.shift(run) == "shifted"
        shared = installation.env.adapter.served(MODEL)
        assert shared is not None
        assert shared.weights == {old: 0.5, new: 0.5}
        assert installation.finish(run) == ["switched", "promoted"]
        clients.wait_for(20)
    assert clients.failed == []
    assert set(clients.answered.values()) == {old, new}
    assert installation.answers_as(2)
    assert installation.reconcile().verdict.action == "nothing"


def test_a_bad_model_trained_anew_returns_to_the_old_bytes(installation: Installation) -> None:
    """MLflow has neither of them any more; the old version's server still runs."""
    _, sealed = installation.train(seed=1)
    assert installation.roll_out() == ["verified", "switched", "promoted"]
    installation.hands.delete_registered_model(MODEL)
    new, _ = installation.train(seed=2)
    with installation.env.background() as clients:
        run = installation.reconcile().ref.run
        assert installation.verify(run) == "verified"
        assert installation.shift(run) == "shifted"
        installation.hands.delete_model_version(MODEL, str(new))
        switched = switch.switch(ONE_STEP, **installation.ports, rollout=run)
        assert switched.verdict.action == "aborted"
        assert installation.served() == sealed
        clients.wait_for(20)
    assert clients.failed == []
    assert installation.answers_as(1)
    assert installation.reconcile().verdict.action == "nothing"


def test_old_bytes_serve_until_those_of_a_hand_are_verified(installation: Installation) -> None:
    """Under the same number, without a failed request, also when the server has to start again."""
    _, old = installation.train(seed=1)
    assert installation.roll_out() == ["verified", "switched", "promoted"]
    installation.hands.delete_registered_model(MODEL)
    new = installation.register_by_hand(seed=2)
    with installation.env.background() as clients:
        begun = installation.reconcile()
        assert begun.verdict.action == "roll_out"
        os.kill(installation.env.status()["servers"]["1"]["pid"], signal.SIGKILL)
        assert installation.answers_as(1)
        assert installation.served() == old
        assert installation.verify(begun.ref.run) == "verified"
        assert installation.served() == old
        assert installation.answers_as(1)
        assert installation.finish(begun.ref.run) == ["switched", "promoted"]
        clients.wait_for(20)
    assert clients.failed == []
    assert installation.served() == new != old
    assert installation.answers_as(2)
    champion = installation.registry.alias(MODEL, "champion")
    assert champion is not None
    assert champion.tags[DIGEST] == new
    assert installation.reconcile().verdict.action == "nothing"


def test_bytes_that_cannot_be_verified_never_serve(installation: Installation) -> None:
    """Their digest is not that of what was logged; the download says which was wanted."""
    _, old = installation.train(seed=1)
    assert installation.roll_out() == ["verified", "switched", "promoted"]
    installation.hands.delete_registered_model(MODEL)
    installation.register_by_hand(seed=2)
    installation.registry.tag(MODEL, 1, {DIGEST: "e" * 64})
    run = installation.reconcile().ref.run
    assert installation.verify(run) == "refused"
    assert installation.served() == old
    assert installation.reconcile().verdict.action == "nothing"
    scratch = installation.env.scratch / "models" / MODEL
    (kept,) = scratch.iterdir()
    for file in sorted(kept.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    kept.rmdir()
    os.kill(installation.env.status()["servers"]["1"]["pid"], signal.SIGKILL)

    def problem() -> str:
        return str(installation.env.status()["servers"]["1"]["problem"])

    until(lambda: "not the version that is meant" in problem(), "the download is refused")
    assert old in problem()
    assert not list(scratch.iterdir())
