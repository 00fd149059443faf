"""One registry for all of these tests, and a cluster for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import mlflow_in
from tests.rollouts.faults.rollout_env import World, a_world, registry_in


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an MLflow server of their own: they move its aliases."""
    with mlflow_in(tmp_path_factory.mktemp("registry")) as url:
        registry_in(url, tmp_path_factory.mktemp("versions"))
        yield url


@pytest.fixture(scope="module")
def whole(versions: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A model on a cluster, in whatever state the last test left it."""
    with a_world(versions, tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def routed(whole: World) -> World:
    """Version 1 serves, 2 is challenger, and a Gateway splits the traffic."""
    whole.be(by_route=True)
    return whole


@pytest.fixture(params=["route", "ratio"])
def world(request: pytest.FixtureRequest, whole: World) -> World:
    """The same, and then numbers of servers split it."""
    whole.be(by_route=request.param == "route")
    return whole
