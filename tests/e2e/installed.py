"""The command `slipway` of an installed wheel, and what its `slipway up` runs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import psutil
import pytest

from slipway.local import airflow
from slipway.local.airflow import AirflowApi
from slipway.local.clients import wait_for
from slipway.local.processes import Processes
from slipway.local.running import find_running, up_folder
from slipway.local.stack import Stack, last_ports
from tests.e2e.conftest import StackEnv

COMMAND = """\
import signal
from slipway.cli import main
# Whoever runs the tests may ignore Ctrl-C, as a shell does in its background jobs.
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@dataclass(frozen=True)
class Installed:
    """The command, inside a project that `slipway init` has made.

    Attributes:
        project: Working directory.
        python: Interpreter of the environment that has the wheel.
        variables: Environment, without any of Slipway's own.
        up: The running `slipway up`, once it was started.
    """

    project: Path
    python: str
    variables: Mapping[str, str]
    up: subprocess.Popen[bytes] | None = None

    def start(self, *words: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command."""
        self.project.mkdir(exist_ok=True)
        return subprocess.Popen(
            [self.python, "-c", COMMAND, *words],
            cwd=self.project,
            env=self.variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words: str) -> str:
        """Run a command to its good end; return what it printed."""
        with tempfile.TemporaryFile() as output:
            status = self.start(*words, output=output).wait()
            output.seek(0)
            text = output.read().decode()
        assert status == 0, text[-3000:]
        return text


@contextmanager
def running_up(installed: Installed, folder: Path) -> Iterator[tuple[StackEnv, Installed]]:
    """A running installation, and the command whose `slipway up` runs it.

    Args:
        installed: The command, in a project that has specs.
        folder: Holds files for the installation, and the output of `slipway up`.
    """
    project, output = installed.project, folder / "up.log"
    with output.open("wb") as log, installed.start("up", output=log) as up:
        try:
            starts = wait_for(
                lambda: find_running(project) is not None or up.poll() is not None,
                seconds=300.0,
                check=lambda: None,
            )
            if not starts or up.poll() is not None:
                pytest.fail(f"`slipway up` does not run: {output.read_text()[-2000:]}")
            state = up_folder(project)
            stack = Stack(project, state, ports=last_ports(state))
            api = AirflowApi(stack.addresses.airflow, airflow.password(stack.home))
            env = StackEnv(stack, api, folder / "files")
            yield env, replace(installed, up=up)
            env.close()
        finally:
            up.kill()
            Processes(up_folder(project)).stop()


def started_by(env: StackEnv) -> list[psutil.Process]:
    """Processes of an installation, by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLIPWAY_STORE") == env.stack.settings.store:
                found.append(process)
        except psutil.Error:
            continue
    return found
