"""Decide when values are categories, and how a model takes many of them."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.spec.encodings import Encoding
from slipway.stages.profile.measured import Column

MOST_ONE_HOT = 200
"""Categories of a column that has one feature each; of more, the rare ones are grouped."""

RARE_BELOW = 0.01
"""Share of the rows below which a category is grouped with other rare ones."""

MOST_GROUPED = 0.5
"""Share of the rows that a group of rare categories may hold and still tell rows apart."""

FEWEST_ROWS_EACH = 3
"""Rows that a category has on average; with fewer, values name rows and group none."""

_FEW_VALUES = 20


@dataclass(frozen=True)
class ChosenEncoding:
    """How a column of categories is encoded.

    Attributes:
        encoding: As the spec declares it.
        why: Why, where it is not the default.
    """

    encoding: Encoding
    why: str = ""

    @property
    def text(self) -> str:
        """The encoding as a spec has it."""
        rare = self.encoding.rare_below
        return self.encoding.method if rare is None else f"{{rare_below: {rare:g}}}"


def repeats_enough(column: Column) -> bool:
    """Return whether values group rows: each has several on average, or few rows are known."""
    return column.known <= _FEW_VALUES or column.known >= FEWEST_ROWS_EACH * column.distinct


def choose_encoding(column: Column) -> ChosenEncoding:
    """Return how the categories of a column are encoded.

    Up to `MOST_ONE_HOT` have a feature each. Of more, rare ones are one group, unless that group
    would hold most rows: then the column would tell nothing.
    """
    if column.distinct <= MOST_ONE_HOT:
        return ChosenEncoding(Encoding())
    grouped = grouped_share(column)
    told = f"{grouped:.0%} of the rows are of categories below {RARE_BELOW:.0%}"
    if grouped > MOST_GROUPED:
        return ChosenEncoding(
            Encoding(method="target"), f"{told}: as one group they would tell nothing"
        )
    return ChosenEncoding(Encoding(rare_below=RARE_BELOW), f"{told}, which are one group")


def grouped_share(column: Column) -> float:
    """Return the share of the known rows whose category is grouped as a rare one."""
    rows = column.counts[column.counts < RARE_BELOW * len(column.sample)]
    return float(rows.sum()) / max(1, column.known)
