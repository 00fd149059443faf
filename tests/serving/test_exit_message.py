"""The part of a process's output that a status page may repeat."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.serving.platform.supervisor.exit_message import exit_message

LOGGED = "2013-05-01 10:00:00,123 ERROR version 3 of delay cannot serve: a file is missing\n"


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("", None),
        ("\n\n", None),
        ("anything else\n", None),
        (LOGGED, "version 3 of delay cannot serve: a file is missing"),
        (LOGGED + "\n  \n", "version 3 of delay cannot serve: a file is missing"),
        (f"Traceback\n{LOGGED}ValueError: could not convert 'Ms Jones'\n", "ValueError"),
        ("KeyboardInterrupt\n", "KeyboardInterrupt"),
        (
            "Traceback\nslipway.errors.Tampered: a file is missing\n  where: x\n",
            "a file is missing",
        ),
        ("MemoryError", "MemoryError"),
        ("x" * 10_000 + "\n" + LOGGED, "version 3 of delay cannot serve: a file is missing"),
    ],
)
def test_only_own_log_lines_are_shown(output: str, shown: str | None, tmp_path: Path) -> None:
    """Slipway's log lines are shown; of an exception only its class, since it may quote a value."""
    file = tmp_path / "output.log"
    file.write_text(output)
    assert exit_message(file) == shown


def test_no_output(tmp_path: Path) -> None:
    """A process without output has an empty message."""
    assert exit_message(tmp_path / "output.log") is None
