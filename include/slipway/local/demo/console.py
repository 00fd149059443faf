"""What the ring decides, told line by line as the ledgers grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from slipway.records.store import Store, read_json

TOLD = {"ingest", "accept", "gate", "verify", "switch", "promote_champion", "drift"}
TOLD |= {"performance", "decide", "train", "reconcile"}
TOLD_STEPS = "shift_"
COLOURS = {
    "blocked": "red",
    "refuse": "yellow",
    "refused": "yellow",
    "aborted": "red",
    "inconclusive": "yellow",
    "drifting": "yellow",
    "decayed": "yellow",
    "request": "yellow",
    "suppress": "yellow",
    "promote": "green",
    "promoted": "bold green",
}


class Narrator:
    """Tells each new ledger entry once.

    Args:
        store: Where the ledgers live.
        subjects: Whose ledgers are told.
        console: Where to.
    """

    def __init__(self, store: Store, subjects: Sequence[str], console: Console) -> None:
        self._store = store
        self._told = dict.fromkeys(subjects, "")
        self.console = console

    def catch_up(self) -> None:
        """Tell what has been entered since the last time."""
        for subject, last in self._told.items():
            entries = self._store.list(f"ledger/{subject}")
            for entry in entries:
                if entry.key > last:
                    self._tell(subject, read_json(self._store, entry.key)["fact"])
                    self._told[subject] = entry.key

    def say(self, text: str) -> None:
        """Tell something that is no verdict."""
        self.console.print(Text(text, style="bold"))

    def _tell(self, subject: str, fact: dict[str, Any]) -> None:
        if fact["stage"] not in TOLD and not fact["stage"].startswith(TOLD_STEPS):
            return
        action = fact["action"]
        line = Text("  ")
        line.append(f"{subject:<13}", style="dim")
        line.append(f"{fact['stage']:<17}", style="dim")
        line.append(f"{action:<13}", style=COLOURS.get(action, "cyan"))
        line.append(str(fact["reason"]))
        self.console.print(line)
