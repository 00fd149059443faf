"""Supervision of the local stack, with real processes that are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from slipway.local.processes import Processes, StartedProcess
from slipway.local.supervision import Supervision

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = """\
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
print(child.pid, flush=True)
child.wait()
"""
WITH_A_CHILD = [sys.executable, "-c", PARENT]
OWNER = """\
import signal, sys, time
from pathlib import Path
from slipway.cli.signals import exit_on_hangup, exit_on_sigterm
from slipway.local.processes import Processes
from slipway.local.supervision import Supervision

# Whoever runs the tests may ignore them, as `nohup` does, and a shell in its background jobs.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
exit_on_sigterm()
exit_on_hangup()
processes = Processes(Path(sys.argv[1]))
try:
    with Supervision(processes, say=print).running():
        for name in ("one", "two"):
            processes.start(name, [sys.executable, "-c", "import time; time.sleep(600)"], env={})
        print("ready", flush=True)
        while processes.known():
            time.sleep(0.1)
        print("stopped by another command", flush=True)
finally:
    processes.stop()
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes of a folder; stopped after the test."""
    started = Processes(tmp_path / "state")
    yield started
    started.stop()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


def _kill(started: StartedProcess) -> None:
    os.kill(started.pid, signal.SIGKILL)
    _until(lambda: not started.alive())


def test_a_killed_process_starts_again_and_one_line_says_so(processes: Processes) -> None:
    """The line has name, end, next start and log; the other process is left alone."""
    killed = processes.start("mlflow", SLEEP, env=os.environ)
    other = processes.start("platform", SLEEP, env=os.environ)
    said: list[str] = []
    with Supervision(processes, say=said.append).running():
        _kill(killed)
        _until(lambda: processes.find("mlflow") != killed and processes.find("mlflow").alive())
    assert said == [f"mlflow was ended by SIGKILL; starts again in 1 s; log: {killed.log}"]
    assert processes.find("platform") == other
    assert [one.name for one in processes.known()] == ["mlflow", "platform"]


def test_what_a_killed_process_has_left_ends_before_the_next_start(processes: Processes) -> None:
    """A child would hold the port of the next one."""
    started = processes.start("mlflow", WITH_A_CHILD, env=os.environ)
    log = Path(started.log)
    _until(lambda: log.read_text().strip() != "")
    child = psutil.Process(int(log.read_text()))
    with Supervision(processes, say=lambda _: None).running():
        _kill(started)
        _until(lambda: processes.find("mlflow") != started)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_keeps_ending_is_started_at_longer_intervals(processes: Processes) -> None:
    """Each of its ends is said."""
    processes.start("scheduler", [sys.executable, "-c", "raise SystemExit(3)"], env=os.environ)
    said: list[str] = []
    with Supervision(processes, say=said.append).running():
        _until(lambda: len(said) == 3)
    pauses = [re.search(r"exit status 3; starts again in (\d+) s", line) for line in said]
    assert [found and found[1] for found in pauses] == ["1", "2", "4"]


def test_a_process_that_cannot_be_started_is_tried_again(
    processes: Processes, tmp_path: Path
) -> None:
    """The line has the reason."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    killed = processes.start("scheduler", [str(program)], env=os.environ)
    program.rename(tmp_path / "elsewhere")
    said: list[str] = []
    with Supervision(processes, say=said.append).running():
        _kill(killed)
        _until(lambda: len(said) == 2)
        (tmp_path / "elsewhere").rename(program)
        _until(lambda: processes.find("scheduler").alive())
    assert "scheduler could not be started (No such file or directory); next try in 2 s" in said[1]


def test_a_process_that_was_stopped_is_not_started_again(processes: Processes) -> None:
    """It has been stopped on purpose."""
    processes.start("mlflow", SLEEP, env=os.environ)
    supervision = Supervision(processes, say=pytest.fail)
    elsewhere = Processes(processes.folder)
    elsewhere.stop("mlflow")
    supervision.look()
    assert processes.known() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_owner_ends_every_process(tmp_path: Path, number: signal.Signals) -> None:
    """Also when it comes twice."""
    with _owner(tmp_path) as owner:
        started = Processes(tmp_path / "state").known()
        owner.send_signal(number)
        owner.send_signal(number)
        owner.wait(30)
    assert len(started) == 2
    assert [one.name for one in started if one.alive()] == []


def test_another_command_stops_the_processes_of_an_owner(tmp_path: Path) -> None:
    """The owner starts none of them again, and ends."""
    with _owner(tmp_path) as owner:
        processes = Processes(tmp_path / "state")
        started = processes.known()
        assert sorted(processes.stop()) == ["one", "two"]
        output, _ = owner.communicate(timeout=30)
    assert output == "stopped by another command\n"
    assert [one.name for one in started if one.alive()] == []


@contextmanager
def _owner(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that supervises two others, as soon as they run."""
    command = [sys.executable, "-c", OWNER, str(folder / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "ready\n"
            yield owner
        finally:
            owner.kill()
