"""A training that is killed in its search: no finished trial is lost, and no process stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.experiment_folder import FolderTracking
from slipway.adapters.object_store import open_store
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import read_json
from tests.fakes.memory_tables import MemoryTables
from tests.support import ferry_dataset
from tests.support.searches import search_tools
from tests.support.training_env import TrainingEnv, spec

ROOT = Path(__file__).parents[2]
TRAIN = "runs/ferry_delay/request-000001/train"
TRIALS = 5
WITHIN_S = 120.0


def environment(folder: Path, *, parallel: int = 1) -> TrainingEnv:
    """A training on a store of files; the rows are the same in every process."""
    made = TrainingEnv.in_memory(folder)
    made.store = open_store(str(folder / "store"))
    made.tracking = FolderTracking(folder / "experiments")
    made.tables = MemoryTables()
    made.spec = spec(
        estimator={"name": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}},
        search={
            "space": {"C": {"low": 1e-4, "high": 10.0, "log": True}},
            "trials": TRIALS,
            "folds": 3,
            "metric": "log_loss",
            "parallel": parallel,
        },
    )
    made.land(ferry_dataset.crossings(days=60))
    return made


def train(folder: Path, *, parallel: int = 1, slowly_s: float = 0.0) -> TrainingEnv:
    """Train, or go on with a training; each trial ends with a pause."""
    env = environment(folder, parallel=parallel)
    request = env.ask()
    env.snapshot(request)

    def pause(_: str) -> None:
        time.sleep(slowly_s)

    env.train(request, tools=search_tools(scratch=folder / "scratch", tell=pause))
    return env


def main() -> None:
    """Train slowly in a process of its own, which a test kills."""
    train(Path(sys.argv[1]), parallel=int(sys.argv[2]), slowly_s=0.3)


def kept(folder: Path) -> list[Path]:
    """Files of finished trials."""
    return sorted((folder / "store" / TRAIN).glob("trials-*/*.json"))


def killed(folder: Path, *, parallel: int, after: int) -> int:
    """Train in a process that is killed after some trials; return its id."""
    code = "from tests.unit.test_search_kills import main; main()"
    command = [sys.executable, "-c", code, str(folder), str(parallel)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        until(lambda: len(kept(folder)) >= after or process.poll() is not None)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return process.pid


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def in_session(session: int) -> list[int]:
    """Processes of a session that are alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(of) == session and state != "Z":
            found.append(int(entry.name))
    return found


def trials(env: TrainingEnv) -> list[Any]:
    """The trials that the store keeps, without how long they took."""
    keys = [one.key for one in env.store.list(TRAIN) if "/trials-" in one.key]
    read = [read_json(env.store, key) for key in sorted(keys)]
    return [{**one, "seconds": 0, "spent_s": 0} for one in read]


@pytest.mark.timeout(400)
def test_a_killed_search_goes_on_and_finds_what_an_uninterrupted_one_finds(tmp_path: Path) -> None:
    """Finished trials are read, not repeated; the study is made anew from them."""
    (tmp_path / "killed").mkdir()
    (tmp_path / "whole").mkdir()
    killed(tmp_path / "killed", parallel=1, after=3)
    before = {path: path.stat().st_mtime_ns for path in kept(tmp_path / "killed")}
    assert 3 <= len(before) < TRIALS + 1
    resumed = train(tmp_path / "killed")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    whole = train(tmp_path / "whole")
    assert trials(resumed) == trials(whole)
    assert len(trials(whole)) == TRIALS + 1
    record = find_record(resumed.store, RunRef("ferry_delay", "request-000001", "train"))
    assert record is not None
    assert record.attempt == 2
    runs = [
        resumed.tracking.read(path.stem)
        for path in (tmp_path / "killed/experiments/runs").glob("*.json")
    ]
    finished = [len(run["trials"]) for run in runs if run["status"] == "FINISHED"]
    assert finished == [TRIALS + 1]


@pytest.mark.timeout(400)
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """A kill leaves none behind, and a retry goes on after the finished trials."""
    session = killed(tmp_path, parallel=2, after=2)
    until(lambda: in_session(session) == [])
    before = {path: path.stat().st_mtime_ns for path in kept(tmp_path)}
    env = train(tmp_path, parallel=2)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [one["number"] for one in trials(env)] == list(range(TRIALS + 1))
    assert os.getpid() not in in_session(session)
