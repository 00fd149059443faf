"""What each column is worth: by how much a metric gets worse when its values are shuffled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.metrics import METRICS
from slipway.stages.model.class_scores import with_unseen
from slipway.stages.model.decision import judged, threshold_of

if TYPE_CHECKING:
    import pandas as pd

    from slipway.adapters.model_package.package import Package

MOST_ROWS = 5_000
"""Rows on which the columns are shuffled: enough for the order of the columns that matter."""

LEAST_ROWS = 500
"""Fewer rows than these are not taken where time is short."""

MOST_SECONDS = 15.0
"""Time that it may take; of many columns on fewer rows, and then of the most used ones only."""


@dataclass(frozen=True)
class Importance:
    """What columns are worth.

    Attributes:
        rows: Rows on which they were shuffled.
        worse: Columns by how much worse the metric gets, the greatest first.
        left_out: Columns that were not weighed, for lack of time.
    """

    rows: int = 0
    worse: Sequence[tuple[str, float]] = ()
    left_out: Sequence[str] = ()


def weigh_columns(
    rows: pd.DataFrame,
    package: Package,
    *,
    target: pd.Series[Any],
    metric: str,
    seed: int,
    progress: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Importance:
    """Return what each column is worth to a model on some rows, in bounded time.

    Args:
        rows: Rows with the raw columns.
        package: The model.
        target: Labels of the rows, as the model learns them.
        metric: Metric that gets worse.
        seed: Seed of the shuffling.
        progress: Shows how far it is.
        clock: Seconds.
    """
    import numpy as np

    from slipway.adapters.model_package.column_use import columns_by_use

    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(rows))[:MOST_ROWS]
    names = columns_by_use(package)
    began = clock()
    trial = _Metric(rows.iloc[chosen], target.iloc[chosen], package, metric)
    base = trial.value()
    order = rng.permutation(len(chosen))
    before = clock()
    trial.value(names[0], order)
    took = (clock() - before) * len(names)
    if base is not None and took > MOST_SECONDS:
        chosen = chosen[: max(LEAST_ROWS, int(len(chosen) * MOST_SECONDS / took))]
        trial = _Metric(rows.iloc[chosen], target.iloc[chosen], package, metric)
        base = trial.value()
    if base is None:
        return Importance()
    sign = 1.0 if METRICS[metric].greater_is_better else -1.0
    order = rng.permutation(len(chosen))
    worse: dict[str, float] = {}
    weighed = 0
    for name in names:
        if weighed and clock() - began > MOST_SECONDS:
            break
        progress(f"weighing the columns: {weighed + 1:,} of {len(names):,}")
        changed = trial.value(name, order)
        if changed is not None:
            worse[name] = sign * (base - changed)
        weighed += 1
    ordered = sorted(worse.items(), key=lambda item: -item[1])
    return Importance(len(chosen), ordered, names[weighed:])


class _Metric:
    """A metric of rows, as they are or with a column shuffled."""

    def __init__(
        self, rows: pd.DataFrame, target: pd.Series[Any], package: Package, metric: str
    ) -> None:
        from slipway.adapters.model_package.shuffled_columns import ShuffledColumns

        self._columns = ShuffledColumns(package, rows)
        self._target, self._metric = target, metric
        self._threshold = threshold_of(package.manifest)

    def value(self, name: str | None = None, order: Any = None) -> float | None:
        """Return the metric; None where it cannot be computed."""
        from slipway.adapters.metrics import measure

        scores = self._columns.scores() if name is None else self._columns.shuffled(name, order)
        scores = judged(scores, metric=self._metric, threshold=self._threshold)
        actual, scores = with_unseen(self._target, scores)
        return measure([self._metric], actual=actual, scores=scores)[self._metric]
