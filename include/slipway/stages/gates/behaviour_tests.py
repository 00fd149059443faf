"""Test single answers of a model: a column that may not matter, one direction, certain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.behaviour import Behaviour, Cell, Direction, Invariance, Minimum
from slipway.spec.labels import Label
from slipway.stages.ports.raw_column import RawColumn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Scores = np.ndarray[Any, np.dtype[np.float64]]

MOST_ROWS = 2_000
"""Holdout rows that a test asks about, drawn with the seed."""

_EXACT = 1e-9
"""Differences below this are of the arithmetic."""


@dataclass(frozen=True)
class Outcome:
    """Result of one test.

    Attributes:
        name: What it tests, in words.
        share: Share of the rows that fail; None where no row could be asked.
        allowed: Share that may.
        rows: Number of rows asked.
    """

    name: str
    share: float | None
    allowed: float
    rows: int

    @property
    def is_failed(self) -> bool:
        """Whether more rows fail than may."""
        return self.share is not None and self.share > self.allowed


@dataclass(frozen=True)
class Asked:
    """A model, and the rows that it is asked about.

    Attributes:
        rows: Holdout rows.
        columns: Raw columns of the model.
        classes: Classes of the scores, by their codes; None of a regression.
        score: Scores rows; None where they do not have what the model needs.
        seed: Seed of the sample.
    """

    rows: pd.DataFrame
    columns: Sequence[RawColumn]
    classes: Sequence[Label] | None
    score: Callable[[pd.DataFrame], Scores | None]
    seed: int

    def sample(self) -> pd.DataFrame:
        """Holdout rows to ask about."""
        count = min(len(self.rows), MOST_ROWS)
        return self.rows.sample(count, random_state=self.seed).reset_index(drop=True)

    def of_class(self, scores: Scores | None, label: Label | None) -> Scores | None:
        """Scores of one class; None of a class that the model does not know."""
        if scores is None or scores.ndim == 1:
            return scores
        known = list(self.classes or ())
        return scores[:, known.index(label)] if label in known else None

    def with_value(self, rows: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
        """Rows with other values in one column, of the type that it declares."""
        import pandas as pd

        frame = rows.copy(deep=False)
        dtype = "object" if self._type(name) == "string" else rows[name].dtype
        frame[name] = pd.Series(values, index=rows.index, dtype=dtype)
        return frame

    def _type(self, name: str) -> str | None:
        return next((one.type for one in self.columns if one.name == name), None)


def ask_all(behaviour: Behaviour, asked: Asked) -> list[Outcome]:
    """Return the result of every test that a spec declares.

    Args:
        behaviour: Tests of the spec.
        asked: Model and rows.
    """
    sample = asked.sample()
    before = asked.score(sample)
    found = [_invariance(one, asked, sample, before) for one in behaviour.invariance]
    found += [_direction(one, asked, sample, before) for one in behaviour.direction]
    found += [_minimum(name, one, asked) for name, one in behaviour.minimum.items()]
    return found


def _invariance(
    test: Invariance, asked: Asked, rows: pd.DataFrame, before: Scores | None
) -> Outcome:
    import numpy as np

    name = f"{test.column} changes the score by no more than {test.max_change:g}"
    fails = np.zeros(len(rows), bool)
    for values in _others(test, rows, seed=asked.seed):
        after = asked.score(asked.with_value(rows, test.column, values))
        if before is None or after is None or not len(rows):
            return Outcome(name, None, test.max_share, 0)
        change = np.abs(after - before)
        fails |= (change if change.ndim == 1 else change.max(axis=1)) > test.max_change + _EXACT
    return Outcome(name, float(fails.mean()), test.max_share, len(rows))


def _others(test: Invariance, rows: pd.DataFrame, *, seed: int) -> Iterator[Sequence[Cell] | Any]:
    """Yield the values that the column takes instead."""
    import numpy as np

    for value in test.with_values:
        yield [value] * len(rows)
    if not test.with_values:
        order = np.random.default_rng(seed).permutation(len(rows))
        yield rows[test.column].to_numpy()[order]


def _direction(test: Direction, asked: Asked, rows: pd.DataFrame, before: Scores | None) -> Outcome:
    sign, way = (1.0, "lower") if test.score == "not_lower" else (-1.0, "higher")
    of = "" if test.of_class is None else f" of {test.of_class}"
    name = f"{test.column} raised by {test.by:g} makes the score{of} no {way}"
    known = rows[test.column].notna().to_numpy(bool)
    # A whole number keeps its type: the check of the spec allows it no fraction.
    by = int(test.by) if float(test.by).is_integer() else test.by
    raised = asked.score(asked.with_value(rows, test.column, rows[test.column] + by))
    after, base = (asked.of_class(one, test.of_class) for one in (raised, before))
    if base is None or after is None or not known.any():
        return Outcome(name, None, test.max_share, 0)
    fails = sign * (after - base)[known] < -test.tolerance - _EXACT
    return Outcome(name, float(fails.mean()), test.max_share, int(known.sum()))


def _minimum(title: str, test: Minimum, asked: Asked) -> Outcome:
    import pandas as pd

    cells = {one.name: [test.row.get(one.name)] for one in asked.columns}
    scores = asked.of_class(asked.score(pd.DataFrame(cells, dtype="object")), test.of_class)
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("above", test.above), ("below", test.below))
        if bound is not None
    ]
    of = "" if test.of_class is None else f" of {test.of_class}"
    name = f"the row {title} has a score{of} {' and '.join(bounds)}"
    if scores is None:
        return Outcome(name, None, 0.0, 0)
    score = float(scores[0])
    is_low = test.above is not None and score <= test.above
    is_high = test.below is not None and score >= test.below
    return Outcome(f"{name}, found {score:.4g}", float(is_low or is_high), 0.0, 1)
