"""On a cluster: a registered model is deleted in MLflow, and trained or registered anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowTracking
from slipway.adapters.platforms.cluster.manifests.version import digest_of
from slipway.records.store import digest
from slipway.records.version_numbers import take_number
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.train.register_version import register_version
from tests.conftest import mlflow_in
from tests.rollouts.faults.rollout_env import RolloutEnv, open_rollout_env
from tests.rollouts.faults.versions import CHAMPION, OTHER, register_all_versions
from tests.support.models_on_cluster import MODEL
from tests.support.promotions import registered


@dataclass(frozen=True)
class AnewEnv:
    """Version 1 serves; its registered model can be deleted and made anew.

    Attributes:
        rollouts: The model on a cluster.
        mlflow: URL of its own MLflow server.
        packages: Holds the versions' folders.
    """

    rollouts: RolloutEnv
    mlflow: str
    packages: Path

    @property
    def digests(self) -> dict[int, str]:
        """Digest of what serves, by version."""
        served = self.rollouts.served()
        assert served is not None
        return dict(served.digests)

    def train_anew(self, package: str, *, as_digest: str | None = None) -> tuple[int, str]:
        """Delete the registered model, and register a package as training does; its version.

        Args:
            package: Name of its folder.
            as_digest: What tag and ledger state as its digest; None: the true one.
        """
        uri, key, sha256 = self._delete_and_log(package)
        sha256 = as_digest or sha256
        made = register_version(
            MODEL,
            model_uri=uri,
            run_key=key,
            tags={DIGEST: sha256},
            store=self.rollouts.container().store,
            registry=self.rollouts.registry,
        )
        self.rollouts.registry.set_alias(MODEL, "challenger", made.version)
        self.enter(made.version, sha256)
        return made.version, sha256

    def enter(self, version: int, sha256: str) -> None:
        """Enter a version in the ledger as a training does."""
        registered(
            self.rollouts.container().store, MODEL, version, sha256=sha256, run=f"anew-{version}"
        )

    def make_anew(self, package: str) -> str:
        """Delete the registered model, and register a package by hand as version 1; its digest."""
        uri, key, sha256 = self._delete_and_log(package)
        registry = self.rollouts.registry
        made = registry.register(MODEL, model_uri=uri, run_key=key, tags={DIGEST: sha256})
        assert made.version == CHAMPION
        registry.set_alias(MODEL, "challenger", CHAMPION)
        return sha256

    def _delete_and_log(self, package: str) -> tuple[str, str, str]:
        MlflowClient(self.mlflow).delete_registered_model(MODEL)
        tracking, key = MlflowTracking(self.mlflow), f"{MODEL}/request-{package}"
        run = tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
        uri = tracking.log_package(run, self.packages / package)
        return uri, key, digest((self.packages / package / MANIFEST).read_bytes())


@pytest.fixture(params=["route", "ratio"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnewEnv]:
    """Version 1 is champion and serves, by a route or by numbers of servers."""
    folders = {name: tmp_path / name for name in ("mlflow", "env", "packages")}
    for folder in folders.values():
        folder.mkdir()
    with mlflow_in(folders["mlflow"]) as url:
        register_all_versions(url, folders["packages"])
        with open_rollout_env(url, folders["env"]) as made:
            made.split_traffic(by_route=request.param == "route")
            made.reset(challenger=None)
            take_number(made.container().store, MODEL, OTHER, sha256=None)
            yield AnewEnv(made, url, folders["packages"])


def test_a_model_trained_anew_has_a_canary_and_a_deployment_of_its_own(env: AnewEnv) -> None:
    """Its number is a new one; the old version stays ready as its fallback."""
    before = env.digests
    with env.rollouts.clients() as clients:
        version, new = env.train_anew("other")
        assert version == OTHER + 1
        assert env.rollouts.run_rollout() == [
            *("roll_out", "verified", "shifted", "switched", "promoted")
        ]
        assert clients.answers[version] > 0
    assert env.digests == {version: new, **before}
    env.rollouts.assert_consistent(version, CHAMPION)
    assert env.rollouts.run_rollout() == ["nothing"]


def test_a_failed_switch_to_a_model_trained_anew_returns_to_the_old_bytes(env: AnewEnv) -> None:
    """MLflow does not have them any more; their servers still run."""
    before, specs = env.digests, deployment_specs(env)
    with env.rollouts.clients():
        version, _ = env.train_anew("other")
        run = env.rollouts.run_until("shift")
        MlflowClient(env.mlflow).delete_model_version(MODEL, str(version))
        assert env.rollouts.stage("switch", rollout=run).verdict.action == "aborted"
        assert env.rollouts.weights() == {CHAMPION: 1.0}
        assert env.rollouts.run_rollout() == ["nothing"]
    assert env.digests == before
    assert deployment_specs(env) == specs


def test_other_bytes_under_an_old_number_serve_once_entered_and_verified(env: AnewEnv) -> None:
    """By a hand alone they move nothing; with an entry they replace the servers in place.

    An earlier release gave numbers twice and entered both; no request fails.
    """
    before, specs = env.digests, deployment_specs(env)
    with env.rollouts.clients() as clients:
        new = env.make_anew("other")
        assert env.rollouts.run_rollout() == ["nothing"]
        assert deployment_specs(env) == specs
        env.enter(CHAMPION, new)
        begun = env.rollouts.begin()
        assert begun.verdict.action == "roll_out"
        assert env.rollouts.stage("verify", rollout=begun.ref.run).verdict.action == "verified"
        assert env.digests == before
        clients.after(5)
        ended = env.rollouts.continue_rollout(begun.ref.run, after="verify")
        assert ended == ["unneeded", "switched", "promoted"]
    assert env.digests == {CHAMPION: new} != before
    env.rollouts.assert_consistent(CHAMPION)
    (deployment,) = env.rollouts.cluster.list("Deployment")
    assert digest_of(deployment) == new
    assert env.rollouts.run_rollout() == ["nothing"]


def test_bytes_that_cannot_be_downloaded_are_refused(env: AnewEnv) -> None:
    """What was logged has another digest than the ledger; the old servers are left alone."""
    before, specs = env.digests, deployment_specs(env)
    with env.rollouts.clients():
        env.train_anew("other", as_digest="e" * 64)
        assert env.rollouts.run_rollout() == ["roll_out", "refused"]
    assert env.digests == before
    assert deployment_specs(env) == specs


def deployment_specs(env: AnewEnv) -> list[Any]:
    """What the Deployments ask for."""
    return [one["spec"] for one in env.rollouts.cluster.list("Deployment")]
