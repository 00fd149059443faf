"""Score rows of which the values of one raw column at a time are shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from slipway.adapters.model_package.package import Package

STEPS = 2
"""Steps of a pipeline whose columns are prepared each by itself: the preparation, the estimator."""

Order = np.ndarray[Any, np.dtype[np.int64]]


class ShuffledColumns:
    """Rows that are prepared once, where each column is prepared by itself.

    A pipeline with steps of a `pipeline.py` prepares all columns for each score.

    Args:
        package: The model.
        rows: Rows with its raw columns.
    """

    def __init__(self, package: Package, rows: pd.DataFrame) -> None:
        self._package, self._rows = package, rows
        steps = package.pipeline.steps
        places = dict(column_places(steps[0][1])) if len(steps) == STEPS else {}
        self._places = places if all(one.name in places for one in package.columns) else {}
        self._prepared: Any = None
        if self._places:
            self._prepared = steps[0][1].transform(package.pipeline_rows(rows))

    def scores(self) -> np.ndarray[Any, Any]:
        """Return the scores of the rows as they are."""
        return self._package.predict(self._rows)

    def shuffled(self, name: str, order: Order) -> np.ndarray[Any, Any]:
        """Return the scores after one column's values were put into another order.

        Args:
            name: Raw column.
            order: Numbers of the rows whose values they take, of shape (n_rows,).
        """
        if self._prepared is None:
            # Not by `assign`, which takes no column `self`.
            frame = self._rows.copy(deep=False)
            frame[name] = self._rows[name].to_numpy()[order]
            return self._package.predict(frame.astype({name: self._rows[name].dtype}))
        place = self._places[name]
        before = self._prepared[:, place].copy()
        self._prepared[:, place] = before[order]
        try:
            return self._package.answers(self._package.pipeline[-1], self._prepared)
        finally:
            self._prepared[:, place] = before


def column_places(prepare: ColumnTransformer) -> Iterator[tuple[str, slice]]:
    """Yield raw columns and the prepared features of each; none of a part that does not tell."""
    for title, part, names in prepare.transformers_:
        if title == "remainder" or not len(names):
            continue
        whole = prepare.output_indices_[title]
        widths = _widths(part, len(names), whole.stop - whole.start)
        if sum(widths) != whole.stop - whole.start:
            continue
        first = whole.start
        for name, width in zip(names, widths, strict=True):
            yield str(name), slice(first, first + width)
            first += width


def _widths(part: Any, columns: int, features: int) -> list[int]:
    """Prepared features of each column of a part."""
    if not isinstance(part, OneHotEncoder):
        return [features // columns] * columns
    widths = [len(one) for one in part.categories_]
    if part.min_frequency is not None:
        rare = [0 if one is None else len(one) for one in part.infrequent_categories_]
        widths = [width - count + (count > 0) for width, count in zip(widths, rare, strict=True)]
    return widths
