"""Expectations port: evaluate expectations on the rows of a delivery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from slipway.spec import Expectation

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scope:
    """The rows and columns that an expectation has to see.

    Attributes:
        by_row: Whether its result names single rows, which go to quarantine.
        in_parts: Whether it judges each row by itself, so that the results of parts can be merged.
        columns: Columns that it refers to; empty: only the number of rows; None: all, in any row.
        repeats: Whether it is met unless a value of its column is repeated.
        distinct: Whether it depends on the distinct values of its column alone.
    """

    by_row: bool
    in_parts: bool
    columns: tuple[str, ...] | None
    repeats: bool = False
    distinct: bool = False


@dataclass(frozen=True)
class ExpectationResult:
    """Result of one expectation.

    Attributes:
        expectation: Great Expectations name.
        columns: Columns of the expectation; empty: the table.
        severity: `critical` or `warning`.
        success: Whether it was met.
        rows: Index labels of the failing rows; None for a batch-level expectation.
        observed: Observed value, where that is one number and not of a personal column.
        bounds: What is asked for, in words; empty: the name tells.
    """

    expectation: str
    columns: tuple[str, ...]
    severity: Literal["critical", "warning"]
    success: bool
    rows: tuple[int, ...] | None = None
    observed: float | None = None
    bounds: str = ""

    def __str__(self) -> str:
        about = f" of {', '.join(self.columns)}" if self.columns else ""
        seen = "" if self.observed is None else f"observed {self.observed:.6g}"
        seen = seen if self.rows is None else f"{len(self.rows)} rows"
        told = "; ".join(filter(None, (self.bounds, seen)))
        return f"{self.expectation}{about}" + (f" ({told})" if told else "")

    def without_personal(self, personal: frozenset[str]) -> ExpectationResult:
        """Return the result without its observed value, if that is of a personal column."""
        return self if personal.isdisjoint(self.columns) else replace(self, observed=None)

    @property
    def broken(self) -> str:
        """What a row that does not meet it does, to be read after its columns."""
        return f"fails {self.expectation}" + (f" ({self.bounds})" if self.bounds else "")

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON, with the number of rows instead of their labels."""
        return {
            "expectation": self.expectation,
            "columns": list(self.columns),
            "severity": self.severity,
            "success": self.success,
            "unexpected_rows": None if self.rows is None else len(self.rows),
            "observed": self.observed,
            "bounds": self.bounds,
        }


class ExpectationSuites(Protocol):
    """Evaluates expectations."""

    def scope(self, expectation: Expectation) -> Scope:
        """Return which rows and columns an expectation has to see.

        Raises:
            SpecError: There is no such expectation.
        """

    def validate(
        self, parts: Iterable[pd.DataFrame], expectations: Sequence[Expectation]
    ) -> list[ExpectationResult]:
        """Return the result of each expectation over all parts, in order.

        Args:
            parts: Rows in their declared types, indexed by row number; one part for expectations
                that do not judge each row by itself.
            expectations: Expectations of the stream.

        Raises:
            SpecError: An expectation is invalid, or cannot be computed on these columns.
        """
