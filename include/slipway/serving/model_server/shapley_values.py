"""Shapley values of a model's answers, by raw column, from permutations of background rows.

Source: Štrumbelj and Kononenko 2014, Explaining prediction models and individual predictions with
feature contributions; each permutation is used forwards and backwards (Mitchell et al. 2022,
Sampling Permutations for Shapley Value Estimation).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slipway.serving.model_server.engine import Scores, Values
from slipway.serving.v2.explanation import Explanation
from slipway.stages.model.background_rows import BackgroundRows
from slipway.stages.ports.raw_column import RawColumn

POINTS = 4_000
"""Rows that a model of many columns scores to explain one; fewer background rows are used then."""

FEWEST_ROWS = 8
CHUNK_CELLS = 5_000
"""Values of rows that are scored between two pauses, less than a millisecond of Python."""

PAUSE_SECONDS = 0.0005
"""Pause of the thread before each chunk, in which other threads get interpreter and core."""

Array = npt.NDArray[np.float64]


class OutOfTime(Exception):
    """An explanation was not done by its deadline."""


class Explainer:
    """Explains answers of one model version; safe to share among threads.

    The same permutations serve every row, so that a row has the same explanation each time.

    Args:
        score: Scores values by column, in the order of `columns`.
        columns: The model's inputs.
        background: Background rows; columns that they lack keep the values of the request.
        clock: Seconds.
        pause: Waits for some seconds.
    """

    def __init__(
        self,
        score: Callable[[Sequence[Values]], Scores],
        columns: Sequence[RawColumn],
        background: BackgroundRows,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._score = score
        self._clock = clock
        self._pause = pause
        self.names = tuple(background.names)
        names = [column.name for column in columns]
        self._width = len(names)
        self._places = [names.index(name) for name in self.names]
        count = len(self.names)
        affordable = max(FEWEST_ROWS, POINTS // (2 * count))
        self._rows = min(background.rows, affordable)
        random = np.random.default_rng(background.seed)
        orders = [random.permutation(count) for _ in range(self._rows)]
        self._orders = np.array([one for order in orders for one in (order, order[::-1])])
        # Whether each point has a column's value from the request: none of them to all but one.
        steps = np.arange(count)
        ranks = np.argsort(self._orders, axis=1)
        self._is_own = (ranks[:, None, :] < steps[None, :, None]).reshape(-1, count)
        of_point = np.repeat(np.arange(self._rows), 2 * count).tolist()
        self._others = [[column[row] for row in of_point] for column in background.values]
        self._chunk = max(1, CHUNK_CELLS // max(1, self._width))

    def explain(
        self, values: Sequence[Values], scores: Sequence[Any], *, until: float
    ) -> Explanation:
        """Explain the scores of rows.

        Args:
            values: Values by column, None for missing.
            scores: Scores of the rows.
            until: Time of the clock by which it must be done.

        Raises:
            OutOfTime: It was not.
        """
        found = [
            self._row([column[row] for column in values], np.asarray(score, np.float64), until)
            for row, score in enumerate(scores)
        ]
        return Explanation(
            self.names,
            np.array([one for one, _ in found]),
            np.array([base for _, base in found]),
        )

    def _row(self, row: Sequence[Any], score: Array, until: float) -> tuple[Array, Array]:
        count = len(self.names)
        points = self._points(row, until).reshape(len(self._orders), count, *score.shape)
        ends = np.broadcast_to(score, (len(self._orders), 1, *score.shape))
        steps = np.diff(np.concatenate([points, ends], axis=1), axis=1)
        by_column = np.empty_like(steps)
        np.put_along_axis(
            by_column, self._orders.reshape(*self._orders.shape, *(1,) * score.ndim), steps, axis=1
        )
        values: Array = by_column.mean(axis=0)
        base: Array = points[:, 0].mean(axis=0)
        return values, base

    def _points(self, row: Sequence[Any], until: float) -> Array:
        """Scores of the row with some values from background rows, a chunk at a time."""
        found = []
        for start in range(0, len(self._is_own), self._chunk):
            if self._clock() > until:
                raise OutOfTime
            self._pause(PAUSE_SECONDS)
            is_own = self._is_own[start : start + self._chunk]
            columns: list[Any] = [[value] * len(is_own) for value in row]
            for mine, others, place in zip(is_own.T, self._others, self._places, strict=True):
                own = row[place]
                columns[place] = [
                    own if keeps else other
                    for keeps, other in zip(
                        mine.tolist(), others[start : start + self._chunk], strict=True
                    )
                ]
            found.append(self._score(columns))
        return np.concatenate(found)
