"""A rollout on a cluster that dies before each of its writes in turn, while clients ask.

`make test` takes one of these writes in each mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import mlflow_in
from tests.rollouts.faults.kill_points import dies_and_is_continued
from tests.rollouts.faults.rollout_env import World, a_world, registry_in

MOST_WRITES = 100


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A model on a cluster."""
    folder: Path = tmp_path_factory.mktemp("world")
    with mlflow_in(tmp_path_factory.mktemp("registry")) as url:
        registry_in(url, tmp_path_factory.mktemp("versions"))
        with a_world(url, folder) as made:
            yield made


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["route", "ratio"])
def test_a_rollout_that_dies_before_each_of_its_writes(whole: World, mode: str) -> None:
    """Every next run ends well and tidily, and no client is ever turned away."""
    answered = 0
    for writes in range(MOST_WRITES):
        whole.be(by_route=mode == "route")
        with whole.clients() as clients:
            died = dies_and_is_continued(whole, writes=writes)
        answered += clients.answers.total()
        if not died:
            break
    else:
        pytest.fail("it never ended")
    print(f"\n{mode}: died at {writes} writes in turn; {answered} answers, none refused")
