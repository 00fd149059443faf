"""A training that is killed in its search: no finished trial is lost, and no process stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.records.run_records import RunRef, find_record
from tests.support.killed_searches import TRIALS, environment, kept, trials, until
from tests.support.searches import search_tools
from tests.support.training_env import TrainingEnv

ROOT = Path(__file__).parents[2]


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
