"""Change the features of holdout rows: noise, missing and extreme values, unseen categories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.ports.raw_column import RawColumn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Random = np.random.Generator

FAR = 10.0
"""How far from the middle extreme values lie, in half-widths of the training rows."""

_LARGEST_WHOLE = 2.0**53
"""Larger whole numbers are no floats."""

UNSEEN = "a category that no training row has"


@dataclass(frozen=True)
class Rows:
    """Holdout rows, and what training rows tell of their columns.

    Attributes:
        holdout: Holdout rows.
        training: Training rows.
        columns: Raw columns of the model.
        seed: Seed of every change.
    """

    holdout: pd.DataFrame
    training: pd.DataFrame
    columns: Sequence[RawColumn]
    seed: int

    def changed(self, kind: str, size: float) -> pd.DataFrame | None:
        """Return the holdout after one kind of change; None where no column can take it.

        Args:
            kind: Kind of change, as the spec names it.
            size: Its size.
        """
        import numpy as np

        found = dict(_CHANGES[kind](self, size, np.random.default_rng(self.seed)))
        if not found:
            return None
        frame = self.holdout.copy(deep=False)
        for name, values in found.items():
            # Not by `assign`, which takes no column `self`.
            frame[name] = values
        return frame

    def numbers(self) -> Iterator[RawColumn]:
        """Columns of numbers."""
        for column in self.columns:
            if column.kind == "number" and column.type != "boolean":
                yield column


Changed = Iterator[tuple[str, "pd.Series[Any]"]]


def _noise(rows: Rows, size: float, random: Random) -> Changed:
    for column in rows.numbers():
        values = _floats(rows.holdout[column.name])
        spread = _floats(rows.training[column.name]).std()
        if spread > 0:
            yield column.name, _typed(values + random.normal(0, size * spread, len(values)), column)


def _missing(rows: Rows, size: float, random: Random) -> Changed:
    for column in rows.columns:
        if not column.required:
            values = rows.holdout[column.name]
            yield column.name, values.mask(random.random(len(values)) < size)


def _extremes(rows: Rows, size: float, random: Random) -> Changed:
    for column in rows.numbers():
        values, known = _floats(rows.holdout[column.name]), _floats(rows.training[column.name])
        middle, reach = (known.max() + known.min()) / 2, (known.max() - known.min()) / 2
        if not reach > 0:
            continue
        sides = random.choice([-1.0, 1.0], len(values))
        far = values.mask(random.random(len(values)) < size, middle + sides * FAR * reach)
        yield column.name, _typed(far, column)


def _unseen(rows: Rows, size: float, random: Random) -> Changed:
    import pandas as pd

    for column in rows.columns:
        if column.kind != "string" or column.type == "boolean":
            continue
        values = rows.holdout[column.name]
        chosen = random.random(len(values)) < size
        if column.type == "integer":
            largest = _floats(rows.training[column.name]).max()
            yield column.name, values.astype("Int64").mask(chosen, int(largest) + 1)
        else:
            yield column.name, pd.Series(values.astype("object")).mask(chosen, UNSEEN)


_CHANGES: Mapping[str, Callable[[Rows, float, Random], Changed]] = {
    "noise": _noise,
    "missing": _missing,
    "extremes": _extremes,
    "unseen": _unseen,
}
"""What each kind changes; one row adds a kind."""


def _floats(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.astype("Float64").astype("float64")


def _typed(values: pd.Series[Any], column: RawColumn) -> pd.Series[Any]:
    """Numbers as the column holds them: whole ones are rounded."""
    if column.type != "integer":
        return values
    return values.clip(-_LARGEST_WHOLE, _LARGEST_WHOLE).round().astype("Int64")
