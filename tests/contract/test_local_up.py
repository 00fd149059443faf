"""`slipway up` and `slipway down`, with real processes in place of Airflow, MLflow and platform."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from slipway.adapters.object_store import open_store
from slipway.cli.local_installation import use_local_installation
from slipway.local.addresses import LOOPBACK, free_ports
from slipway.local.down import down
from slipway.local.ownership import owned, owner
from slipway.local.processes import Processes
from slipway.local.running import Running, find_running, up_folder
from slipway.records import ledger
from tests.conftest import free_port
from tests.support.small_specs import FILES

UP = """\
import json, os, signal, sys
from slipway.local import stack, up
from slipway.cli.commands import commands

# Whoever runs the tests may ignore them, as `nohup` does, and a shell in its background jobs.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

CHILD = "import time; time.sleep(600)"
STUBBORN = '''
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
'''


class Api:
    def close(self):
        pass


class SmallStack(stack.Stack):
    def up(self, *, progress):
        home = self.folder / "airflow"
        home.mkdir(parents=True, exist_ok=True)
        (home / "passwords.json").write_text(json.dumps({"admin": "secret"}))
        stubborn = STUBBORN if os.environ.get("STUBBORN") else CHILD
        for name, code in (("one", CHILD), ("two", stubborn)):
            progress(f"starting {name}")
            self.processes.start(name, [sys.executable, "-c", code], env=self.environment())
        return Api()


up.Stack = SmallStack
commands(["up"])
"""


@pytest.fixture
def root(project: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with DAGs, in whose folder commands run."""
    made = project(FILES)
    (made / "dags").mkdir()
    monkeypatch.setenv("SLIPWAY_PROJECT", str(made))
    return made


@contextmanager
def running_up(root: Path) -> Iterator[subprocess.Popen[str]]:
    """`slipway up`, as soon as it runs; nothing is left of it at the end."""
    number = 3 if os.environ.get("STUBBORN") else 2
    with ExitStack() as ends:
        ends.callback(Processes(up_folder(root)).stop)
        process = ends.enter_context(start(root))
        # Left by an exception, too: the process object waits for an end that nothing else brings.
        ends.callback(process.kill)
        until(lambda: find_running(root) is not None and len(marked(root)) == number)
        yield process


def start(root: Path) -> subprocess.Popen[str]:
    """Start `slipway up` with a small stack; its output goes to a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", UP],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def marked(root: Path) -> list[psutil.Process]:
    """Processes that were started by the installation, in whichever session."""
    store = str(up_folder(root) / "store")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLIPWAY_STORE") == store:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
)
def test_each_ending_signal_leaves_no_process(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    """Case 17: also those that ignore SIGTERM, and children with a session of their own."""
    monkeypatch.setenv("STUBBORN", "1" if number == signal.SIGTERM else "")
    with running_up(root) as up:
        up.send_signal(number)
        output, _ = up.communicate(timeout=60)
        assert up.returncode == status
        assert marked(root) == []
    assert f"ended two, one; everything is kept in {up_folder(root)}\n" in output
    assert find_running(root) is None
    assert not (root / ".slipway" / "running.json").exists()


def test_the_next_one_ends_what_a_killed_one_has_left(root: Path) -> None:
    """Nothing that SIGKILL left runs beside it; then `slipway down` ends it, and says what."""
    with running_up(root) as up:
        left = {one.pid for one in marked(root)}
        up.kill()
        up.communicate(timeout=30)
        assert find_running(root) is None
        with running_up(root) as again:
            assert not left & {one.pid for one in marked(root)}
            down = [sys.executable, "-m", "slipway.cli", "down"]
            ended = subprocess.run(down, capture_output=True, text=True, check=True)
            assert ended.stdout == "ended `slipway up`: one, two\n"
            output, _ = again.communicate(timeout=60)
            assert marked(root) == []
    assert "ended what was left of an earlier run: two, one\n" in output


def test_down_ends_what_was_left_and_says_what(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a SIGKILL, without another start."""
    left = Processes(up_folder(root))
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    started = [left.start(name, sleep, env=os.environ) for name in ("one", "two")]
    down()
    assert capsys.readouterr().out == "ended `slipway up`: one, two\n"
    assert not any(one.alive() for one in started)
    left.reap()
    down()
    assert capsys.readouterr().out == "nothing was running\n"


def test_a_running_one_tells_where_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By lines without a terminal (case 16), to a second one, and to other commands."""
    with running_up(root) as up:
        running = find_running(root)
        assert running is not None
        _check_lines(up, running)
        _check_second(root, up, running)
        _check_commands(running, monkeypatch, capsys)
        _check_restart(root, up)


def _check_lines(up: subprocess.Popen[str], running: Running) -> None:
    """Each step as it begins, then where to look, then what the ring decides."""
    assert up.stdout is not None
    lines = iter(up.stdout.readline, "")
    assert re.fullmatch(r" +\d+ s  starting; logs: .*/logs\n", next(lines))
    assert re.fullmatch(r" +\d+ s  starting one\n", next(lines))
    exports = next(line for line in lines if line.startswith("  export "))
    assert exports.split()[1:] == [f"{n}={value}" for n, value in running.variables().items()]
    fact = {"stage": "gate", "action": "promote", "reason": "Every gate holds."}
    ledger.enter(open_store(running.store), "sales", fact)
    assert next(lines).split() == ["sales", "gate", "promote", "Every", "gate", "holds."]


def _check_second(root: Path, up: subprocess.Popen[str], running: Running) -> None:
    """It starts nothing, and exits with 0."""
    with start(root) as second:
        try:
            output, _ = second.communicate(timeout=60)
        finally:
            second.kill()
    assert second.returncode == 0
    assert f"`slipway up` runs already for {root} (process {up.pid})\n" in output
    assert f"Airflow  {running.airflow}   login admin / secret\n" in output
    assert f"model    {running.platform}/v2/models/sales\n" in output
    assert len(marked(root)) == 2


def _check_commands(
    running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They find it unless a variable names another installation, and say so once."""
    for name in running.variables():
        monkeypatch.setenv(name, "")
    use_local_installation("check")
    assert os.environ["SLIPWAY_STORE"] == ""
    use_local_installation("status")
    assert {name: os.environ[name] for name in running.variables()} == running.variables()
    expected = f"the installation of `slipway up` is used: {running.store}\n"
    assert capsys.readouterr().err == expected
    monkeypatch.setenv("SLIPWAY_STORE", "s3://bucket/other")
    use_local_installation("status")
    assert os.environ["SLIPWAY_STORE"] == "s3://bucket/other"


def _check_restart(root: Path, up: subprocess.Popen[str]) -> None:
    """A part that ends is started again, and a line says which."""
    assert up.stdout is not None
    os.kill(marked(root)[0].pid, signal.SIGKILL)
    line = next(line for line in iter(up.stdout.readline, "") if "SIGKILL" in line)
    assert re.match(r"(one|two) was ended by SIGKILL; starts again in 1 s; log: ", line)


def test_a_store_that_is_kept_is_used_while_nothing_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is delivered before the first `slipway up` is there when it starts."""
    monkeypatch.setenv("SLIPWAY_STORE", "")
    use_local_installation("status")
    assert os.environ["SLIPWAY_STORE"] == ""
    store = str(up_folder(root) / "store")
    use_local_installation("deliver")
    assert os.environ["SLIPWAY_STORE"] == store
    expected = f"the store that `slipway up` keeps is used, which is not running now: {store}\n"
    assert capsys.readouterr().err == expected


def test_a_folder_is_held_by_one_command(tmp_path: Path) -> None:
    """Until its end, however it ends; an old file alone holds nothing."""
    with owned(tmp_path) as first, owned(tmp_path) as second:
        assert (first, second) == (True, False)
        assert owner(tmp_path) == os.getpid()
    assert owner(tmp_path) is None
    assert owner(tmp_path / "absent") is None
    with owned(tmp_path) as again:
        assert again


def test_ports_of_the_run_before_are_taken_again_where_they_are_free() -> None:
    """So that addresses stay the same."""
    wanted = [free_port(), free_port()]
    with socket.socket() as taken:
        taken.bind((LOOPBACK, wanted[0]))
        taken.listen()
        ports = free_ports(3, wanted=wanted)
    assert ports[1] == wanted[1]
    assert ports[0] != wanted[0]
    assert len(set(ports)) == 3


def test_a_project_without_dags_is_refused(root: Path) -> None:
    """The error names the folder that is missing."""
    (root / "dags").rmdir()
    output = subprocess.run(
        [sys.executable, "-c", UP], cwd=root, capture_output=True, text=True, check=False
    )
    assert output.returncode == 1
    assert "expected: a folder dags beside include" in output.stderr
