"""The champion goes on serving, whatever fails: as many random scripts as a time allows.

`make test` runs some on fakes, and a dozen on a real MLflow server and a real platform; `make
faults` runs three on the cluster's double.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.rollouts.faults.theorem_world import ClusterWorld, cluster_installation
from tests.serving.theorem_world import LocalWorld, installation
from tests.support.theorem.fake_world import fake_worlds, problems_of
from tests.support.theorem.quiet import QuietTimes
from tests.support.theorem.runs import MakeWorld, explain_failure, quick_clocks
from tests.support.theorem.scripts import Script, random_script, rollout_script, shrink
from tests.support.theorem.steps import in_words

FAKE_SCRIPTS, REAL_SCRIPTS, CLUSTER_SCRIPTS = 5000, 300, 60
FAKE_SECONDS, REAL_SECONDS, CLUSTER_SECONDS = 900, 1800, 1200
SHRINK_SECONDS = 600
FIRST_SEED = 10_000


def test_on_fakes() -> None:
    """A failing script is shown as its shortest part that fails."""
    over = time.monotonic() + FAKE_SECONDS
    with fake_worlds():
        for count in range(FAKE_SCRIPTS):
            script = random_script(FIRST_SEED + count)
            if problems_of(script):
                small = shrink(script, lambda one: bool(problems_of(one)))
                pytest.fail(f"{in_words(small)}\n\nthen:\n{problems_of(small)}")
            if time.monotonic() > over:
                break
    print(f"\n{count + 1} scripts on fakes")


def test_on_a_real_platform(versions: Path, tmp_path: Path) -> None:
    """It also tells after how many sweeps, and seconds, all was quiet, by what had happened."""
    with installation(tmp_path, versions) as shared, quick_clocks():
        _run_many(
            lambda _: partial(LocalWorld, shared),
            _script_of,
            scripts=REAL_SCRIPTS,
            seconds=REAL_SECONDS,
        )


def test_on_a_cluster(versions: Path, mlflow_server: str, tmp_path: Path) -> None:
    """By a route, and by numbers of servers."""
    with cluster_installation(tmp_path, mlflow_server, versions) as shared, quick_clocks():
        _run_many(
            lambda seed: partial(ClusterWorld, replace(shared, by_route=seed % 2 == 0)),
            rollout_script,
            scripts=CLUSTER_SCRIPTS,
            seconds=CLUSTER_SECONDS,
        )


def _script_of(seed: int) -> Script:
    """Any script, or one in which a rollout is stopped."""
    return rollout_script(seed, steps=4) if seed % 2 else random_script(seed, steps=5)


def _run_many(
    make: Callable[[int], MakeWorld],
    script_of: Callable[[int], Script],
    *,
    scripts: int,
    seconds: float,
) -> None:
    """Run scripts by rising seed, and print how their worlds became quiet.

    Args:
        make: Makes the worlds of a seed.
        script_of: The script of a seed.
        scripts: Most scripts.
        seconds: When to begin no more.
    """
    times, over, count = QuietTimes(), time.monotonic() + seconds, 0
    try:
        while count < scripts and time.monotonic() < over:
            seed = FIRST_SEED + count
            script = script_of(seed)
            quiet = explain_failure(make(seed), seed, script, shrink_seconds=SHRINK_SECONDS)
            times.add(script, quiet)
            count += 1
    finally:
        print(f"\n{count} scripts held; how their worlds became quiet:\n{times.table()}")
