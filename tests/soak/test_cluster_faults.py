"""A rollout on a cluster that is killed before each of its writes in turn, under load.

`make test` runs one of these kills in each mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import mlflow_in
from tests.rollouts.faults.kill_points import is_killed_and_recovers
from tests.rollouts.faults.rollout_env import RolloutEnv, open_rollout_env
from tests.rollouts.faults.versions import register_all_versions

MOST_WRITES = 100


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RolloutEnv]:
    """A model on a cluster."""
    folder: Path = tmp_path_factory.mktemp("env")
    with mlflow_in(tmp_path_factory.mktemp("registry")) as url:
        register_all_versions(url, tmp_path_factory.mktemp("versions"))
        with open_rollout_env(url, folder) as made:
            yield made


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["route", "ratio"])
def test_a_rollout_that_dies_before_each_of_its_writes(env: RolloutEnv, mode: str) -> None:
    """Every next run succeeds and leaves nothing behind, and no client request fails."""
    answered = 0
    for writes in range(MOST_WRITES):
        env.split_traffic(by_route=mode == "route")
        with env.clients() as clients:
            died = is_killed_and_recovers(env, writes=writes)
        answered += clients.answers.total()
        if not died:
            break
    else:
        pytest.fail("it never ended")
    print(f"\n{mode}: died at {writes} writes in turn; {answered} answers, none refused")
