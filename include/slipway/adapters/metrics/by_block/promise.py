"""What a model promises of further rows, and how far it surpasses that on them, with the error.

Rows differ in difficulty. A model's figure on some rows says little of others, but the share of the
way from a constant model to perfect answers that it came there says more: its skill.

Source:
    Murphy 1988, Skill Scores Based on the Mean Square Error and Their Relationships to the
    Correlation Coefficient; Wilks 2019, Statistical Methods in the Atmospheric Sciences, 9.1.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.adapters.metrics.by_block.gain import (
    by_block,
    draw_figure,
    draw_weights,
    with_bounds,
)
from slipway.spec.metrics import METRICS
from slipway.stages.ports.metrics import Gain, Resampling


def measure_promise(
    name: str,
    *,
    actual: pd.Series[Any],
    scores: Any,
    constant: Any | None,
    resampling: Resampling,
) -> Gain | None:
    """Return a model's skill with its error; its metric without a constant model.

    None where it cannot be computed, as where a constant is perfect.

    Args:
        name: Metric.
        actual: Labels of shape (n_rows,).
        scores: Of shape (n_rows,) or (n_rows, n_classes).
        constant: Scores of a constant model, likewise; None: the metric itself is promised.
        resampling: Blocks of the rows.
    """
    metric, labels = METRICS[name], np.asarray(actual)
    own = by_block(metric, labels, np.asarray(scores, np.float64), resampling)
    floor = None
    if constant is not None:
        floor = by_block(metric, labels, np.asarray(constant, np.float64), resampling)

    def figure(weights: Array) -> Array:
        reached = own.values(weights)
        if floor is None:
            return reached
        least = floor.values(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            skill: Array = (reached - least) / (metric.perfect - least)
        return skill

    drawn = draw_figure(figure, resampling=resampling, weights=draw_weights(resampling))
    return None if drawn is None else with_bounds(drawn, resampling.confidence)


def measure_surplus(
    name: str,
    *,
    actual: pd.Series[Any],
    scores: Any,
    constant: Any | None,
    promise: float,
    resampling: Resampling,
) -> Gain | None:
    """Return the gain over what a promise lets expect on these rows, with the rows' error alone.

    Args:
        name: Metric.
        actual: Labels of shape (n_rows,).
        scores: Of shape (n_rows,) or (n_rows, n_classes).
        constant: Scores of a constant model, as of the promise.
        promise: From `measure_promise`.
        resampling: Blocks of the rows.
    """
    metric, labels = METRICS[name], np.asarray(actual)
    sign = 1.0 if metric.greater_is_better else -1.0
    own = by_block(metric, labels, np.asarray(scores, np.float64), resampling)
    floor = None
    if constant is not None:
        floor = by_block(metric, labels, np.asarray(constant, np.float64), resampling)

    def surplus(weights: Array) -> Array:
        expected: Array | float = promise
        if floor is not None:
            expected = floor.values(weights) * (1 - promise) + metric.perfect * promise
        above: Array = sign * (own.values(weights) - expected)
        return above

    drawn = draw_figure(surplus, resampling=resampling, weights=draw_weights(resampling))
    return None if drawn is None else with_bounds(drawn, resampling.confidence)
