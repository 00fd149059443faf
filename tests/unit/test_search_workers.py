"""Workers of one search in processes of their own, on one store; one of them is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.records.attempts import begin_attempt
from slipway.records.run_records import RunRef
from tests.support.killed_searches import TRIALS, environment, kept, trials, until
from tests.support.searches import search_tools
from tests.support.training_env import TrainingEnv

ROOT = Path(__file__).parents[2]
WORKERS = 2
OF_SECOND = {1, 3, 5}


def searching(folder: Path) -> TrainingEnv:
    """A training whose search two workers share, up to its snapshot."""
    env = environment(folder, parallel_pods=WORKERS)
    env.snapshot(env.ask())
    return env


def main() -> None:
    """Search slowly as one worker, in a process of its own."""
    folder, worker = Path(sys.argv[1]), int(sys.argv[2])
    env = environment(folder, parallel_pods=WORKERS)
    tools = search_tools(scratch=folder / "scratch", tell=lambda _: time.sleep(0.3))
    env.search(env.ask(), worker, tools=tools)


def begun(folder: Path, worker: int) -> subprocess.Popen[bytes]:
    """The process of a worker."""
    code = "from tests.unit.test_search_workers import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, str(folder), str(worker)], cwd=ROOT)


def numbers(folder: Path) -> set[int]:
    """Numbers of the trials that are kept."""
    return {int(path.stem) for path in kept(folder)}


@pytest.mark.timeout(400)
def test_a_killed_worker_goes_on_with_its_share(tmp_path: Path) -> None:
    """The other one ends its own meanwhile; every trial is tried once, and the training fits."""
    env = searching(tmp_path)
    first, second = (begun(tmp_path, worker) for worker in (1, 2))
    try:
        until(lambda: bool(numbers(tmp_path) & OF_SECOND) or second.poll() is not None)
        assert second.poll() is None
    finally:
        second.send_signal(signal.SIGKILL)
        second.wait()
        assert first.wait(timeout=300) == 0
    assert numbers(tmp_path) >= {0, 2, 4}
    assert not numbers(tmp_path) >= OF_SECOND
    before = {path: path.stat().st_mtime_ns for path in kept(tmp_path)}
    told: list[str] = []
    record = env.search(env.ask(), 2, tools=search_tools(tell=told.append))
    assert record.attempt == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert numbers(tmp_path) == set(range(TRIALS + 1))
    assert any("of 6 trials, by 2 workers" in one for one in told)
    assert record.verdict.reason.startswith("Worker 2 of 2 has 3 of the 6 trials")
    trained = env.train(env.ask()).verdict
    assert trained.numbers["search_trials"] == TRIALS
    means = [sum(one["scores"]) / 3 for one in trials(env) if one["state"] == "complete"]
    assert trained.numbers["search_score"] == pytest.approx(min(means))


def test_a_worker_that_fails_for_good_loses_no_other_trial(tmp_path: Path) -> None:
    """The training chooses among those that there are, and does not try what ended a worker."""
    env = searching(tmp_path)
    request = env.ask()
    begin_attempt(env.store, RunRef("ferry_delay", request.run, "search_2"), inputs={}, origin={})
    env.search(request, 1)
    record = env.train(request)
    assert numbers(tmp_path) == {0, 2, 4}
    assert record.verdict.numbers["search_trials"] == 2


def test_without_workers_the_training_finds_what_one_pod_finds(tmp_path: Path) -> None:
    """As in a backtest, or where no pod could be started."""
    found = []
    for name, search in (
        ("alone", {}),
        ("one", {"parallel_pods": 1}),
        ("two", {"parallel_pods": 2}),
    ):
        (tmp_path / name).mkdir()
        env = environment(tmp_path / name, **search)
        request = env.ask()
        env.snapshot(request)
        env.train(request)
        found.append(trials(env))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == TRIALS + 1


def test_a_worker_that_the_spec_does_not_have_is_refused(tmp_path: Path) -> None:
    """The error says how many there are."""
    env = searching(tmp_path)
    with pytest.raises(BadParameter, match="no worker 3") as raised:
        env.search(env.ask(), 3)
    assert raised.value.expected == "a number from 1 to 2"
    alone = environment(tmp_path)
    with pytest.raises(BadParameter, match="no worker 1"):
        alone.search(alone.ask(), 1)
