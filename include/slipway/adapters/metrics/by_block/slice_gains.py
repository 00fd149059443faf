"""Gains of a challenger in slices of the rows, with bounds that hold in all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.adapters.metrics.by_block.gain import DrawnGain, draw_gain, draw_weights
from slipway.spec.metrics import METRICS
from slipway.stages.ports.metrics import Gain, Resampling


def measure_slice_gains(
    name: str,
    *,
    actual: pd.Series[Any],
    challenger: Any,
    other: Any,
    slices: Mapping[str, Array],
    resampling: Resampling,
) -> dict[str, Gain | None]:
    """Return the gain in each slice; None where it cannot be computed.

    Every slice sees the same draws of blocks, so that the bounds hold in all slices at once: their
    reach is the quantile of the greatest standardised deviation of any slice.

    Args:
        name: Metric.
        actual: Labels of shape (n_rows,).
        challenger: Its scores, of shape (n_rows,) or (n_rows, n_classes).
        other: Scores of the model that it is compared with, likewise.
        slices: Whether each row is in a slice, by the slice's name.
        resampling: Blocks of the rows, and how they are resampled.

    Source:
        Romano and Wolf 2005, Exact and approximate stepdown methods for multiple hypothesis
        testing (the first step, of one-sided bounds).
    """
    labels, weights = np.asarray(actual), draw_weights(resampling)
    both = [np.asarray(scores, np.float64) for scores in (challenger, other)]
    drawn = {
        one: draw_gain(
            METRICS[name],
            labels[mask],
            [scores[mask] for scores in both],
            resampling=replace(resampling, blocks=np.asarray(resampling.blocks)[mask]),
            weights=weights,
        )
        for one, mask in slices.items()
    }
    known = {one: gain for one, gain in drawn.items() if gain is not None}
    below, above = (_widest(known, resampling.confidence, sign=sign) for sign in (1.0, -1.0))
    return {
        one: None if gain is None else _with_bounds(gain, resampling.confidence, below, above)
        for one, gain in drawn.items()
    }


def _widest(gains: Mapping[str, DrawnGain], confidence: float, *, sign: float) -> float:
    """Quantile of the greatest deviation of any slice, in units of each one's deviation."""
    deviations = [
        sign * (one.draws - one.value) / np.nanstd(one.draws, ddof=1)
        for one in gains.values()
        if one.error > 0
    ]
    if not deviations:
        return 0.0
    return float(np.quantile(np.nanmax(deviations, axis=0), confidence))


def _with_bounds(gain: DrawnGain, confidence: float, below: float, above: float) -> Gain:
    # Of few blocks Student's quantile is wider than the normal one.
    wider = gain.error * gain.quantile(confidence) / float(stats.norm.ppf(confidence))
    return Gain(
        gain.value,
        gain.value - below * wider,
        gain.value + above * wider,
        gain.error,
        gain.independent,
    )
