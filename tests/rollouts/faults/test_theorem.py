"""The champion goes on serving, whatever fails: random scripts on the cluster's double."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.rollouts.faults.theorem_world import (
    ClusterInstallation,
    ClusterWorld,
    cluster_installation,
)
from tests.serving.model_versions import save_version
from tests.support.theorem.runs import explain_failure, quick_clocks
from tests.support.theorem.scripts import rollout_script

SEEDS = (3, 4, 5)


@pytest.fixture(scope="module")
def shared(
    versions: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterInstallation]:
    """MLflow and a cluster for all scripts."""
    trained = tmp_path_factory.mktemp("trained")
    for number in (1, 2):
        save_version(trained / str(number), seed=number)
    folder = tmp_path_factory.mktemp("theorem")
    with cluster_installation(folder, versions, trained) as made, quick_clocks():
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_the_champion_goes_on_serving(shared: ClusterInstallation, seed: int) -> None:
    """Through kills before writes to store, MLflow and cluster, edits in MLflow and outages."""
    explain_failure(partial(ClusterWorld, shared), seed, rollout_script(seed))
