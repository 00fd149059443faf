"""Inputs outside of what training saw: counted, and answered all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slipway.serving.model_server.metrics import Metrics

Look = Callable[[Sequence[Any]], int]


class InputRanges:
    """What training saw of each column.

    Args:
        ranges: `numbers` with lowest and highest, `categories` with the values seen, by column.
        columns: The model's inputs, in its order.
        metrics: Where what is outside is counted.
    """

    def __init__(
        self, ranges: Mapping[str, Mapping[str, Any]], columns: Sequence[str], metrics: Metrics
    ) -> None:
        looks: dict[str, Look] = {
            **{name: _outside_range(*pair) for name, pair in ranges.get("numbers", {}).items()},
            **{name: _unseen_category(seen) for name, seen in ranges.get("categories", {}).items()},
        }
        known = [name for name in columns if name in looks]
        counters = dict(zip(known, metrics.out_of_range(known), strict=True))
        self._checks = [
            (position, looks[name], counters[name])
            for position, name in enumerate(columns)
            if name in looks
        ]

    def count(self, values: Sequence[Sequence[Any]]) -> None:
        """Count what is outside; a missing value is not.

        Args:
            values: By column, in the model's order.
        """
        for position, look, counter in self._checks:
            outside = look(values[position])
            if outside:
                counter.inc(outside)


def _outside_range(low: float, high: float) -> Look:
    def look(values: Sequence[Any]) -> int:
        outside = 0
        for value in values:
            if value is not None and not low <= value <= high:
                outside += 1
        return outside

    return look


def _unseen_category(seen: Sequence[str]) -> Look:
    known = frozenset([*seen, None])

    def look(values: Sequence[Any]) -> int:
        outside = 0
        for value in values:
            if value not in known:
                outside += 1
        return outside

    return look
