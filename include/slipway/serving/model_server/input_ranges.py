"""Count input values outside the ranges seen in training; requests are answered regardless."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slipway.serving.model_server.metrics import Metrics

CountOutside = Callable[[Sequence[Any]], int]


class InputRanges:
    """Ranges and categories of each column seen in training.

    Args:
        ranges: `numbers` with minimum and maximum, `categories` with their values, by column.
        columns: The model's inputs, in its order.
        metrics: Has the counters.
    """

    def __init__(
        self, ranges: Mapping[str, Mapping[str, Any]], columns: Sequence[str], metrics: Metrics
    ) -> None:
        counts: dict[str, CountOutside] = {
            **{name: _outside_range(*pair) for name, pair in ranges.get("numbers", {}).items()},
            **{name: _unseen_category(seen) for name, seen in ranges.get("categories", {}).items()},
        }
        known = [name for name in columns if name in counts]
        counters = dict(zip(known, metrics.out_of_range(known), strict=True))
        self._checks = [
            (position, counts[name], counters[name])
            for position, name in enumerate(columns)
            if name in counts
        ]

    def count(self, values: Sequence[Sequence[Any]]) -> None:
        """Count values outside the ranges; missing values are not counted.

        Args:
            values: Values by column, in the model's order.
        """
        for position, count_outside, counter in self._checks:
            outside = count_outside(values[position])
            if outside:
                counter.inc(outside)


def _outside_range(low: float, high: float) -> CountOutside:
    def count_outside(values: Sequence[Any]) -> int:
        outside = 0
        for value in values:
            if value is not None and not low <= value <= high:
                outside += 1
        return outside

    return count_outside


def _unseen_category(seen: Sequence[str]) -> CountOutside:
    known = frozenset([*seen, None])

    def count_outside(values: Sequence[Any]) -> int:
        outside = 0
        for value in values:
            if value not in known:
                outside += 1
        return outside

    return count_outside
