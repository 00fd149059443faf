"""The champion goes on serving, whatever fails: random scripts on a real MLflow and platform."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.serving.theorem_world import Installation, LocalWorld, installation
from tests.support.theorem.runs import explain_failure, quick_clocks
from tests.support.theorem.scripts import random_script

SEEDS = range(12)


@pytest.fixture(scope="module")
def shared(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """MLflow and a platform for all scripts."""
    with installation(tmp_path_factory.mktemp("theorem"), versions) as made, quick_clocks():
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_the_champion_goes_on_serving(shared: Installation, seed: int) -> None:
    """Through kills, edits in MLflow and restarts, with requests throughout."""
    explain_failure(partial(LocalWorld, shared), seed, random_script(seed, steps=2))
