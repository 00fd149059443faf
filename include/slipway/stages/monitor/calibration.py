"""Calibrate drift limits on the reference's own blocks.

The reference is cut into contiguous blocks of time. Each is compared with the rest of the reference
as a window is compared with all of it. So the blocks show the distances without drift,
autocorrelation and weekdays included; random splits would hide both.

A window alarms when its largest score exceeds what the blocks' largest scores let expect, so the
false-alarm rate is one per window, not one per column.

Source: Westfall and Young 1993, Resampling-Based Multiple Testing, for the maximum over columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.bin_distances import METHODS, shares_of
from slipway.stages.monitor.blocks import Blocks
from slipway.stages.monitor.reference_counts import ReferenceCounts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NEGLIGIBLE_DISTANCE = 0.01
"""Smallest usual distance, below which no method's distance matters."""


@dataclass(frozen=True)
class Usual:
    """Distances of a column without drift, to the power that makes them nearly normal.

    Attributes:
        centre: Their mean.
        spread: Their standard deviation.
        power: The exponent.
    """

    centre: float
    spread: float
    power: float

    @property
    def distance(self) -> float:
        """Usual distance."""
        return float(self.centre ** (1 / self.power))

    def score(self, distance: float) -> float:
        """Standard deviations by which a distance is above the usual one."""
        return float((distance**self.power - self.centre) / self.spread)

    def at(self, score: float) -> float:
        """Distance that has a score."""
        return float(max(0.0, self.centre + score * self.spread) ** (1 / self.power))


@dataclass(frozen=True)
class Calibration:
    """Limits from blocks without drift.

    Attributes:
        blocks: Number of blocks.
        rows: Most rows of a block's sample; a window is sampled down to them.
        usual: Usual distances by column.
        score_limit: Largest score of a window without an alarm.
        alarm_rate: Share of windows without drift that alarm, as promised.
        resolved_rate: The least that the blocks alone would show: 1 of them and a window.
    """

    blocks: int
    rows: int
    usual: Mapping[str, Usual]
    score_limit: float
    alarm_rate: float
    resolved_rate: float

    def thresholds(self) -> dict[str, float]:
        """Distance above which each column alone alarms."""
        return {name: one.at(self.score_limit) for name, one in self.usual.items()}


def calibrate(
    reference: ReferenceCounts,
    blocks: Blocks,
    *,
    window_rows: int,
    methods: Mapping[str, str],
    false_alarm_rate: float,
    seed: int,
) -> Calibration:
    """Calibrate limits on a reference's blocks.

    Args:
        reference: Counts of its rows.
        blocks: Its blocks.
        window_rows: Rows of the window in question.
        methods: Distance method by column.
        false_alarm_rate: Share of windows that may alarm without drift.
        seed: Seed of the row samples.
    """
    import numpy as np

    of_unit = reference.rows()
    rows = min(window_rows, *(int(of_unit[start:end].sum()) for start, end in blocks.pieces))
    random = np.random.default_rng(seed)
    usual, scores = {}, []
    for name in blocks.judged:
        method = METHODS[methods[name]]
        counts = reference.counts[name]
        pieces, rest = _split(counts, blocks)
        samples = np.stack([thinned(one, rows, random) for one in pieces])
        distances = method.distance(shares_of(rest[:, :-1]), shares_of(samples[:, :-1]))
        known = counts[:, :-1].sum(axis=0)
        sampled = max(1.0, float(np.median(samples[:, :-1].sum(axis=1))))
        variance = 1 / sampled + 1 / max(1, int(known.sum()))
        noise = method.noise(shares_of(known), variance) if known.sum() else 0.0
        transformed = np.nan_to_num(distances) ** method.power
        floor = max(NEGLIGIBLE_DISTANCE, noise) ** method.power
        freedom = min(4, max(1, int((known > 0).sum()) - 1))
        # Of the cube root of a chi-squared variable.
        least = floor * (2 / (9 * freedom)) ** 0.5
        scores.append(_held_out_scores(transformed, floor=floor, least=least))
        spread = max(float(transformed.std(ddof=1)), least)
        usual[name] = Usual(max(float(transformed.mean()), floor), spread, method.power)
    maxima = np.max(scores, axis=0)
    limit = score_limit(maxima, false_alarm_rate)
    count = len(blocks.pieces)
    return Calibration(count, rows, usual, limit, false_alarm_rate, 1 / (count + 1))


def thinned(counts: Array, rows: int, random: np.random.Generator) -> Array:
    """Counts of a random sample of so many rows; all of them if there are no more."""
    if counts.sum() <= rows:
        return counts
    return random.multivariate_hypergeometric(counts, rows, method="marginals")


def score_limit(maxima: Sequence[float] | Array, false_alarm_rate: float) -> float:
    """Limit that the largest score of a window without drift exceeds at the false-alarm rate.

    With enough blocks it is their conformal quantile, which needs no form of the scores. Else it is
    a prediction bound, and their largest one at least: their mean, and their standard deviation
    times the quantile of a Gumbel variable, as a maximum over columns has, widened like Student's
    for so few of them.

    Source: Vovk et al. 2005, Algorithmic Learning in a Random World (conformal prediction);
    Gumbel 1958, Statistics of Extremes (by the method of moments).
    """
    import numpy as np
    from scipy.stats import norm, t

    count = len(maxima)
    rank = math.ceil((1 - false_alarm_rate) * (count + 1))
    if rank <= count:
        return float(np.sort(maxima)[rank - 1])
    gumbel = (-math.log(-math.log1p(-false_alarm_rate)) - float(np.euler_gamma)) * 6**0.5 / math.pi
    student = t.ppf(1 - false_alarm_rate, count - 1) * (1 + 1 / count) ** 0.5
    widened = gumbel * student / norm.ppf(1 - false_alarm_rate)
    bound = np.mean(maxima) + widened * np.std(maxima, ddof=1)
    return float(max(bound, np.max(maxima)))


def _split(counts: Array, blocks: Blocks) -> tuple[Array, Array]:
    """Counts of each block's piece, and of the reference without it and the gaps beside it."""
    import numpy as np

    summed = np.concatenate([np.zeros((1, counts.shape[1]), dtype=int), counts.cumsum(axis=0)])
    first, end = np.array(blocks.pieces).T
    before = np.maximum(0, first - blocks.gap)
    after = np.minimum(len(counts), end + blocks.gap)
    return summed[end] - summed[first], summed[-1] - (summed[after] - summed[before])


def _held_out_scores(values: Array, *, floor: float, least: float) -> Array:
    """Score of each block by the mean and the standard deviation of the others."""
    import numpy as np

    count = len(values)
    others = (values.sum() - values) / (count - 1)
    squares = ((values**2).sum() - values**2) / (count - 1) - others**2
    spread = np.sqrt(np.maximum(0, squares) * (count - 1) / (count - 2))
    scores: Array = (values - np.maximum(others, floor)) / np.maximum(spread, least)
    return scores
