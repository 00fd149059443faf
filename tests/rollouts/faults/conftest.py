"""One registry for all tests of this folder, and a cluster for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import mlflow_in
from tests.rollouts.faults.rollout_env import RolloutEnv, open_rollout_env
from tests.rollouts.faults.versions import register_all_versions


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an MLflow server for these tests only, since they move aliases."""
    with mlflow_in(tmp_path_factory.mktemp("registry")) as url:
        register_all_versions(url, tmp_path_factory.mktemp("versions"))
        yield url


@pytest.fixture(scope="module")
def shared_env(versions: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RolloutEnv]:
    """A model on a cluster, in the state of the last test."""
    with open_rollout_env(versions, tmp_path_factory.mktemp("env")) as made:
        yield made


@pytest.fixture
def routed(shared_env: RolloutEnv) -> RolloutEnv:
    """Version 1 serves, 2 is challenger, and a Gateway splits the traffic."""
    shared_env.split_traffic(by_route=True)
    return shared_env


@pytest.fixture(params=["route", "ratio"])
def env(request: pytest.FixtureRequest, shared_env: RolloutEnv) -> RolloutEnv:
    """The same with a Gateway, then with numbers of servers."""
    shared_env.split_traffic(by_route=request.param == "route")
    return shared_env
