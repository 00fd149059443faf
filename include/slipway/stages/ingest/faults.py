"""Faults of a delivery's rows: which rows, of which column, for which reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

EXPLAINED = 3
"""Reasons that a verdict names."""


@dataclass(frozen=True)
class Reason:
    """Why rows are bad.

    Attributes:
        column: Column, columns joined by `, `, or `the line`.
        reason: To be read after the column.
        hint: Setting that would accept the rows, or what to mend.
        shape: Shape of an example: digits as 9, letters as a.
    """

    column: str
    reason: str
    hint: str | None = None
    shape: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.column} {self.reason}".strip()


@dataclass(frozen=True)
class CountedReason:
    """A reason, and how many rows are bad for it."""

    reason: Reason
    count: int

    def __str__(self) -> str:
        """Reason, example and hint, for a verdict."""
        shown = f" (such as {self.reason.shape})" if self.reason.shape else ""
        hint = f"; hint: {self.reason.hint}" if self.reason.hint else ""
        rows = "row" if self.count == 1 else "rows"
        return f"{self.reason} in {self.count:,} {rows}{shown}{hint}"

    def to_json(self) -> dict[str, Any]:
        """Return the reason as plain JSON."""
        one = self.reason
        return {
            "column": one.column,
            "reason": one.reason,
            "count": self.count,
            "shape": one.shape,
            "hint": one.hint,
        }


class Faults:
    """Bad rows by reason; a row may be bad for several.

    Rows are numbered from 0. Lines that are no rows have no number and are counted beside them.
    """

    def __init__(self) -> None:
        self._rows: dict[Reason, list[np.ndarray]] = {}
        self._lines: dict[Reason, int] = {}

    def add(self, reason: Reason, rows: Iterable[int]) -> None:
        """Add rows that are bad for a reason."""
        import numpy as np

        found = np.fromiter(rows, dtype=np.int64) if not isinstance(rows, np.ndarray) else rows
        if len(found):
            self._rows.setdefault(reason, []).append(found.astype(np.int64))

    def add_line(self, reason: Reason) -> None:
        """Add one line that is no row."""
        self._lines[reason] = self._lines.get(reason, 0) + 1

    @property
    def lines(self) -> int:
        """Number of lines that are no rows."""
        return sum(self._lines.values())

    def good(self, rows: int) -> np.ndarray:
        """Return the mask of the rows that are bad for no reason, of shape (rows,)."""
        import numpy as np

        mask = np.ones(rows, dtype=bool)
        for parts in self._rows.values():
            for part in parts:
                mask[part] = False
        return mask

    def counted(self) -> list[CountedReason]:
        """Return every reason with its number of rows, the commonest first."""
        counts: Mapping[Reason, int] = {
            **{reason: sum(map(len, parts)) for reason, parts in self._rows.items()},
            **self._lines,
        }
        ordered = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
        return [CountedReason(reason, count) for reason, count in ordered]

    def texts(self, rows: np.ndarray) -> dict[int, str]:
        """Return all reasons of some rows, in one text for each.

        Args:
            rows: Row numbers in ascending order.
        """
        import numpy as np

        texts: dict[int, str] = {}
        for reason, parts in self._rows.items():
            for row in np.intersect1d(np.concatenate(parts), rows).tolist():
                texts[row] = f"{texts[row]}; {reason}" if row in texts else str(reason)
        return texts
