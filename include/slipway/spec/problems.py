"""Problems of specs, with file, line, field, allowed values and a hint.

Imports nothing heavy: Airflow imports this at parse time to show invalid specs in its banner.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slipway.errors import SpecError


@dataclass(frozen=True)
class Problem:
    """One problem in one spec file.

    Attributes:
        file: Path below the project, with `/`.
        line: Line of the field, or of the mapping that lacks it; None: the file as a whole.
        field: Dotted path of the field; empty: the file as a whole.
        summary: The problem, in a few words.
        allowed: Allowed values, where there is a list.
        nearest: Allowed value that is spelled most alike.
        hint: What to try next.
    """

    file: str
    line: int | None
    field: str
    summary: str
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f"{where}: {self.field}: " if self.field else f"{where}: "
        text = place + self.summary
        if self.allowed:
            text += f"; allowed: {', '.join(self.allowed)}"
        if self.nearest is not None:
            text += f"; did you mean {self.nearest!r}?"
        return text if self.hint is None else f"{text}\n  hint: {self.hint}"

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain JSON, with the printed text as `message`."""
        fields = asdict(self)
        fields["said"] = fields.pop("summary")
        return {**fields, "allowed": list(self.allowed), "message": str(self)}


class SpecErrors(SpecError):
    """All problems of specs in one message; a retry cannot help.

    Args:
        problems: At least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines.insert(0, f"{len(lines)} problems in specs:")
        super().__init__("\n".join(lines))


def nearest(given: object, allowed: Iterable[str]) -> str | None:
    """Return the allowed value spelled most like a given one, or None when none is close."""
    if not isinstance(given, str):
        return None
    found = difflib.get_close_matches(given, list(allowed), n=1)
    return found[0] if found else None


def format_value(value: object) -> str:
    """Format a given value for a problem, short enough for one line."""
    return "nothing" if value is None else reprlib.repr(value)


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems by file and line."""
    return tuple(sorted(problems, key=lambda one: (one.file, one.line or 0)))
