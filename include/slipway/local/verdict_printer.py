"""Print the verdicts of the ring as they are entered into the ledgers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from slipway.records import ledger
from slipway.records.entry_checks import fact_of, parse_entry
from slipway.records.failed_requests import ended_in_failure, in_one_line
from slipway.records.store import Store

HIDDEN = {"snapshot", "evaluate", "promote_challenger", "answer"}
"""Stages that are not printed: the verdict of another stage of the same run covers them."""
FAILED = "failed"
COLOURS = {
    "blocked": "red",
    FAILED: "red",
    "refuse": "yellow",
    "refused": "yellow",
    "aborted": "red",
    "inconclusive": "yellow",
    "drifting": "yellow",
    "decayed": "yellow",
    "breached": "yellow",
    "request": "yellow",
    "suppress": "yellow",
    "wait": "yellow",
    "promote": "green",
    "promoted": "bold green",
}

WIDEST_SUBJECT = 32

_WINDOW = re.compile(r"(?:window|decide)-(?P<window>.+-v[1-9]\d*(?:-r[1-9])?)(?:-[0-9a-f]{8})?")
"""Runs of the monitor; that of a decision is named by its newest window."""


class VerdictPrinter:
    """Prints each new ledger entry once.

    Args:
        store: Store of the ledgers.
        subjects: Datasets and models.
        console: Output.
    """

    def __init__(self, store: Store, subjects: Sequence[str], console: Console) -> None:
        self._store = store
        self._printed = dict.fromkeys(subjects, 0)
        self.console = console

    def skip_past(self) -> None:
        """Leave out the entries that are there already."""
        for subject in self._printed:
            self._printed[subject] = ledger.length(self._store, subject)

    def add_subjects(self, subjects: Iterable[str]) -> None:
        """Print the entries of further datasets and models from now on."""
        for subject in subjects:
            self._printed.setdefault(subject, 0)

    def catch_up(self) -> None:
        """Print the entries since the last call."""
        for subject, last in self._printed.items():
            for number in ledger.numbers(self._store, subject):
                if number > last:
                    data = self._store.read(ledger.entry_key(subject, number))
                    self._print(subject, fact_of(parse_entry(data)))
                    self._printed[subject] = number

    def print_line(self, text: str) -> None:
        """Print a line that is no verdict."""
        self.console.print(Text(text, style="bold"))

    def _print(self, subject: str, fact: Mapping[str, Any]) -> None:
        if not {"stage", "action", "reason"} <= fact.keys():
            # No entry of Slipway's: `slipway ledger verify` names it.
            return
        is_failed = ended_in_failure(fact)
        if fact["stage"] in HIDDEN and not is_failed:
            return
        action = FAILED if is_failed else fact["action"]
        width = min(max(map(len, self._printed)), WIDEST_SUBJECT) + 1
        line = Text("  ")
        line.append(f"{subject:<{width}}", style="dim")
        line.append(f"{fact['stage']:<17}", style="dim")
        line.append(f"{action:<13}", style=COLOURS.get(action, "cyan"))
        if window := _WINDOW.fullmatch(str(fact.get("run", ""))):
            line.append(f"{window['window']}: ")
        line.append(in_one_line(str(fact["reason"])))
        self.console.print(line)
