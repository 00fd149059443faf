"""Ctrl-C at any moment of a command ends it with status 130 and one line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from slipway.cli.command_errors import Commands
from slipway.errors import BadParameter

STALLED = """\
import signal, sys, time

# Whoever runs the tests may ignore Ctrl-C, as a shell does in its background jobs.
signal.signal(signal.SIGINT, signal.default_int_handler)
stalled, hides = sys.argv[1:3]
del sys.argv[1:3]


class Stalled:
    def find_spec(self, name, path=None, target=None):
        if name != stalled:
            return
        print("importing", flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            if hides == "hides":
                raise ImportError("some extension has not loaded")
            raise


sys.meta_path.insert(0, Stalled())
from slipway.cli import main

main()
"""


@pytest.mark.parametrize("hides", ["shows", "hides"])
@pytest.mark.parametrize(
    "module", ["click", "slipway.settings", "slipway.cli.why", "slipway.stages.report.check"]
)
def test_ctrl_c_while_modules_are_imported_is_one_line(module: str, hides: str) -> None:
    """Whatever is being imported, and whatever it makes of Ctrl-C: one line, and status 130."""
    command = [sys.executable, "-c", STALLED, module, hides, "check"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "importing\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_ctrl_c_in_a_command_is_one_line() -> None:
    """A command that is at work ends so, too."""

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def work() -> None:
        """Work until Ctrl-C."""
        raise KeyboardInterrupt

    result = CliRunner().invoke(group, ["work"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_ctrl_c_in_an_ignored_callback_ends_the_command() -> None:
    """Of a weak reference, as imports have them; the command would go on to its end."""
    went_on = []

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def work() -> None:
        """Work, and be interrupted in a finalizer."""

        class Held:
            def __del__(self) -> None:
                raise KeyboardInterrupt

        held = Held()
        del held
        for _ in range(600):
            time.sleep(0.1)
        went_on.append("to its end")

    before = sys.unraisablehook
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = CliRunner().invoke(group, ["work"])
    finally:
        signal.signal(signal.SIGINT, handler)
    assert (result.exit_code, result.stderr, went_on) == (130, "interrupted\n", [])
    assert sys.unraisablehook is before


@pytest.mark.parametrize("error", [BadParameter("no such thing"), ValueError("odd state")])
def test_an_error_that_ctrl_c_led_to_is_not_told(error: Exception) -> None:
    """A stage calls what a package made of Ctrl-C an error of its own."""

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def work() -> None:
        """Work, and be interrupted in an import."""
        interrupt = KeyboardInterrupt()
        unloaded = ImportError("some extension has not loaded")
        unloaded.__context__ = interrupt
        raise error from unloaded

    result = CliRunner().invoke(group, ["work"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_an_error_that_is_in_its_own_chain_is_told() -> None:
    """As one is that a context manager raises again."""

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def work() -> None:
        """Fail, twice by the same error."""
        first, second = BadParameter("no such thing"), ValueError("odd state")
        first.__cause__, second.__cause__ = second, first
        raise first

    result = CliRunner().invoke(group, ["work"])
    assert (result.exit_code, result.stderr) == (1, "Error: no such thing\n")


def test_ctrl_c_at_a_question_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that asks a person ends so, too."""

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def ask() -> None:
        """Ask a person."""

        def interrupted(_: str) -> str:
            raise KeyboardInterrupt

        monkeypatch.setattr(click.termui, "visible_prompt_func", interrupted)
        click.prompt("Which one?")

    result = CliRunner().invoke(group, ["ask"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_the_end_of_answers_is_no_ctrl_c() -> None:
    """Where answers end before the questions, the command is aborted with status 1."""

    @click.group(cls=Commands)
    def group() -> None:
        """Group of one command."""

    @group.command()
    def ask() -> None:
        """Ask a person."""
        click.prompt("Which one?")

    assert CliRunner().invoke(group, ["ask"], input="").exit_code == 1
