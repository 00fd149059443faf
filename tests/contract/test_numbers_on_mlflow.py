"""On a real MLflow server: numbers go on after a registered model was deleted, also after kills."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.errors import RegistryUnavailable
from slipway.records.version_numbers import take_number
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.train.register_version import register_version
from tests.fakes.kill_points import Killed, KillPoint
from tests.fakes.memory_store import MemoryStore

GIVEN = 5
ATTEMPTS_AT_MOST = 30


class Anew:
    """A model whose numbers up to `GIVEN` were given, and which MLflow does not have.

    Args:
        mlflow: URL of the server.
        folder: Holds what is logged.
        digest: Digest of the version to register.
    """

    def __init__(self, mlflow: str, folder: Path, digest: str) -> None:
        self.model = f"model_{uuid.uuid4().hex[:12]}"
        self.store, self.digest = MemoryStore(), digest
        self.registry, self.client = MlflowRegistry(mlflow), MlflowClient(mlflow)
        tracking, self.run_key = MlflowTracking(mlflow), f"{self.model}/request-000009"
        run = tracking.begin(
            self.model, run_key=self.run_key, attempt=1, tags={}, params={}, tables=[]
        )
        self.uri = tracking.log_package(run, folder)
        take_number(self.store, self.model, GIVEN, sha256="0" * 64)

    def register(self) -> int:
        """Number of the version."""
        version = register_version(
            self.model,
            model_uri=self.uri,
            run_key=self.run_key,
            tags={DIGEST: self.digest},
            store=self.store,
            registry=self.registry,
        )
        return version.version

    def numbers(self) -> list[int]:
        """Numbers of the versions that there are."""
        found = self.client.search_model_versions(f"name='{self.model}'")
        return sorted(int(one.version) for one in found)


@pytest.fixture
def kill_point(monkeypatch: pytest.MonkeyPatch) -> KillPoint:
    """Counts the requests that change something in MLflow."""
    counted = KillPoint()

    def count(name: str) -> None:
        real = getattr(MlflowApi, name)

        def call(*given: Any, **named: Any) -> Any:
            counted.count_write()
            return real(*given, **named)

        monkeypatch.setattr(MlflowApi, name, call)

    for name in ("post", "delete"):
        count(name)
    return counted


def test_a_kill_before_any_request_gives_no_number_twice(
    mlflow_server: str, sealed: tuple[Path, str], kill_point: KillPoint
) -> None:
    """The retry deletes what is left under a low number, and one version stays."""
    for writes in range(ATTEMPTS_AT_MOST):
        kill_point.writes = None
        anew = Anew(mlflow_server, *sealed)
        kill_point.seen, kill_point.writes = 0, writes
        try:
            assert anew.register() == GIVEN + 1
            assert anew.numbers() == [GIVEN + 1]
            break
        except Killed:
            kill_point.writes = None
            assert len(anew.numbers()) <= 1
        assert anew.register() == GIVEN + 1, f"killed after {writes} requests"
        assert anew.numbers() == [GIVEN + 1], f"killed after {writes} requests"
        assert anew.register() == GIVEN + 1
    assert 6 < writes < ATTEMPTS_AT_MOST - 1


def test_another_run_deletes_what_a_kill_left(
    mlflow_server: str, sealed: tuple[Path, str], kill_point: KillPoint
) -> None:
    """A placeholder of a run that nobody tries again."""
    anew = Anew(mlflow_server, *sealed)
    # The registered model, versions 1 and 2 made and deleted, placeholder 3 made.
    kill_point.seen, kill_point.writes = 0, 7
    with pytest.raises(Killed):
        anew.register()
    kill_point.writes = None
    assert anew.numbers() == [3]
    anew.run_key = f"{anew.model}/request-000010"
    assert anew.register() == GIVEN + 1
    assert anew.numbers() == [GIVEN + 1]


def test_the_log_says_why_and_how_far(
    mlflow_server: str,
    sealed: tuple[Path, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line, and then one for every so many numbers."""
    monkeypatch.setattr("slipway.adapters.mlflow_server.used_numbers.PROGRESS_EVERY", 2)
    anew = Anew(mlflow_server, *sealed)
    with caplog.at_level(logging.INFO, logger="slipway"):
        anew.register()
    first, *progress = [record.getMessage() for record in caplog.records]
    assert first.startswith(f"MLflow gave number 1 of {anew.model} again, since")
    assert first.endswith(f"so the numbers go on from {GIVEN}")
    assert progress == [f"number 4 of {anew.model} is used up, up to {GIVEN}"]


def test_a_model_that_is_deleted_again_meanwhile_is_tried_again(
    mlflow_server: str, sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt ends, and the retry goes on."""
    anew = Anew(mlflow_server, *sealed)
    real = MlflowApi.delete

    def delete_all(self: MlflowApi, path: str, **body: Any) -> None:
        real(self, path, **body)
        anew.client.delete_registered_model(anew.model)
        anew.client.create_registered_model(anew.model)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowApi, "delete", delete_all)
        with pytest.raises(RegistryUnavailable, match="does not go on with the numbers"):
            anew.register()
    assert anew.register() == GIVEN + 1
