"""Last line of a process's output, for a status page; never contains feature values."""

from __future__ import annotations

import os
import re
from pathlib import Path

TAIL_BYTES = 4096
LONGEST = 300
# Log lines and errors of Slipway: their messages contain no feature values.
LOGGED = re.compile(r"(?:\d{4}-\d\d-\d\d [\d:,]{12} [A-Z]+|slipway(?:\.\w+)+:) (?P<text>.*)")
# Any other error at the end of a traceback: its message may contain a feature value.
RAISED = re.compile(
    r"(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)):?(?: .*)?"
)


def exit_message(output: Path) -> str | None:
    """Last line of an output file if Slipway wrote it; of any other error only its class.

    Indented lines belong to the line above them.

    Args:
        output: The output file.
    """
    try:
        with output.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    last = next((line.rstrip() for line in reversed(lines) if line[:1].strip()), "")
    if logged := LOGGED.fullmatch(last):
        return logged["text"][:LONGEST]
    if raised := RAISED.fullmatch(last):
        return raised["kind"]
    return None
