"""What a process said last, fit for a status page: our own words, never a value."""

from __future__ import annotations

import os
import re
from pathlib import Path

TAIL_BYTES = 4096
LONGEST = 300
# How our own processes log, and our own errors: what they say holds no value.
LOGGED = re.compile(r"(?:\d{4}-\d\d-\d\d [\d:,]{12} [A-Z]+|slipway(?:\.\w+)+:) (?P<said>.*)")
# Any other error at the end of a traceback: its message may hold whatever was being worked on.
RAISED = re.compile(
    r"(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)):?(?: .*)?"
)


def exit_message(output: Path) -> str | None:
    """The last line of an output if it is fit to be shown; of a foreign error only its kind.

    Indented lines belong to the one above them.

    Args:
        output: The file; the whole of it stays where it is.
    """
    try:
        with output.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    last = next((line.rstrip() for line in reversed(lines) if line[:1].strip()), "")
    if logged := LOGGED.fullmatch(last):
        return logged["said"][:LONGEST]
    if raised := RAISED.fullmatch(last):
        return raised["kind"]
    return None
