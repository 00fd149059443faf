"""Versions to roll out, and a cluster for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import ClusterModel
from tests.support.models_on_cluster import open_cluster_double, register_versions


@pytest.fixture(scope="module")
def registry(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> MlflowRegistry:
    """Three good versions, one that crashes and one that is never ready."""
    return register_versions(mlflow_server, tmp_path_factory.mktemp("versions"))


@pytest.fixture
def cluster(tmp_path: Path, mlflow_server: str) -> Iterator[Cluster]:
    """A cluster with a Gateway."""
    with open_cluster_double(tmp_path, mlflow_server, gateway=True) as made:
        yield made


@pytest.fixture(params=["route", "ratio"])
def model(
    request: pytest.FixtureRequest, cluster: Cluster, registry: MlflowRegistry
) -> ClusterModel:
    """A model whose traffic is split by a route, then by numbers of servers."""
    return ClusterModel(cluster, registry, by_route=request.param == "route")


@pytest.fixture
def routed(cluster: Cluster, registry: MlflowRegistry) -> ClusterModel:
    """A model whose traffic is split by a route, with a time limit of twenty seconds."""
    return ClusterModel(cluster, registry, by_route=True, ready_seconds=20)
