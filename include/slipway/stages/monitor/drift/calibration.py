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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.drift import dependence
from slipway.stages.monitor.drift.bin_distances import METHODS, Method, shares_of
from slipway.stages.monitor.drift.blocks import Blocks
from slipway.stages.monitor.drift.dependence import PairSums, pair_distances
from slipway.stages.monitor.drift.spread import POWER, Width, has_width
from slipway.stages.monitor.drift.usual_distance import (
    Learnt,
    Usual,
    chi_squared_spread,
    learn_usual,
)
from slipway.stages.monitor.reference.bins import NumberBins
from slipway.stages.monitor.reference.reference_counts import ReferenceCounts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NEGLIGIBLE_DISTANCE = 0.01
"""Smallest usual distance, below which no method's distance matters."""


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
        usual_spread: Usual change of the spread of each numeric column.
        usual_pair: Usual largest change of a pair; None without two numeric columns.
    """

    blocks: int
    rows: int
    usual: Mapping[str, Usual]
    score_limit: float
    alarm_rate: float
    resolved_rate: float
    usual_spread: Mapping[str, Usual] = field(default_factory=dict)
    usual_pair: Usual | None = None

    def thresholds(self) -> dict[str, float]:
        """Distance above which each column alone alarms."""
        return {name: one.at(self.score_limit) for name, one in self.usual.items()}

    def spread_limits(self) -> dict[str, float]:
        """Size of the logarithm of a spread above which each column alone alarms."""
        return {name: one.at(self.score_limit) for name, one in self.usual_spread.items()}

    @property
    def pair_limit(self) -> float | None:
        """Change of a pair above which it alone alarms; None without pairs."""
        return None if self.usual_pair is None else self.usual_pair.at(self.score_limit)


def calibrate(
    reference: ReferenceCounts,
    blocks: Blocks,
    *,
    window_rows: int,
    methods: Mapping[str, str],
    false_alarm_rate: float,
    seed: int,
    pairs: PairSums | None = None,
) -> Calibration:
    """Calibrate limits on a reference's blocks.

    Args:
        reference: Counts of its rows.
        blocks: Its blocks.
        window_rows: Rows of the window in question.
        methods: Distance method by column.
        false_alarm_rate: Share of windows that may alarm without drift.
        seed: Seed of the row samples.
        pairs: Sums of its rows by unit for the pairs of columns that are compared; None: there are
            none.
    """
    import numpy as np

    of_unit = reference.rows()
    rows = min(window_rows, *(int(of_unit[start:end].sum()) for start, end in blocks.pieces))
    random = np.random.default_rng(seed)
    distances, spreads = {}, {}
    for name in blocks.judged:
        pieces, rest = _split(reference.counts[name], blocks)
        samples = np.stack([thinned(one, rows, random) for one in pieces])[:, :-1]
        parts = _Parts(reference.counts[name][:, :-1].sum(axis=0), rest[:, :-1], samples)
        distances[name] = parts.distances(METHODS[methods[name]])
        if isinstance(reference.bins[name], NumberBins) and has_width(shares_of(parts.known)):
            spreads[name] = parts.spreads()
    learnt = [*distances.values(), *spreads.values()]
    pair = None if pairs is None else _pairs(pairs, blocks)
    maxima = np.max([one.scores for one in (*learnt, *([pair] if pair else []))], axis=0)
    count = len(blocks.pieces)
    return Calibration(
        count,
        rows,
        {name: one.usual for name, one in distances.items()},
        score_limit(maxima, false_alarm_rate),
        false_alarm_rate,
        1 / (count + 1),
        usual_spread={name: one.usual for name, one in spreads.items()},
        usual_pair=pair.usual if pair else None,
    )


@dataclass(frozen=True)
class _Parts:
    """Counts of a column by bin: of the reference, and of each block and of what it is held to.

    Attributes:
        known: Of the whole reference, of shape (n_bins,).
        rest: Of the reference without a block, of shape (n_blocks, n_bins).
        samples: Of as many rows of each block.
    """

    known: Array
    rest: Array
    samples: Array

    @property
    def variance(self) -> float:
        """Variance factor of the difference between a sample and the reference."""
        import numpy as np

        sampled = max(1.0, float(np.median(self.samples.sum(axis=1))))
        return 1 / sampled + 1 / max(1, int(self.known.sum()))

    def distances(self, method: Method) -> Learnt:
        """The usual distance."""
        distances = method.distance(shares_of(self.rest), shares_of(self.samples))
        noise = method.noise(shares_of(self.known), self.variance) if self.known.sum() else 0.0
        floor = max(NEGLIGIBLE_DISTANCE, noise)
        freedom = min(4, max(1, int((self.known > 0).sum()) - 1))
        least = chi_squared_spread(floor, power=method.power, freedom=freedom)
        return learn_usual(distances, floor=floor, power=method.power, least=least)

    def spreads(self) -> Learnt:
        """The usual size of a change of the spread."""
        import numpy as np

        width = Width.of(shares_of(self.known))
        samples, rest = (width.log_factor(shares_of(one)) for one in (self.samples, self.rest))
        floor = width.usual_by_chance(self.variance)
        least = chi_squared_spread(floor, power=POWER, freedom=1)
        return learn_usual(np.abs(samples - rest), floor=floor, power=POWER, least=least)


def _pairs(pairs: PairSums, blocks: Blocks) -> Learnt:
    """The usual change of the pair that changed most."""
    import numpy as np

    first, end, before, after = _places(blocks, units=len(pairs.rows))
    whole = pairs.over(np.zeros_like(first), np.full_like(end, len(pairs.rows)))
    largest = pair_distances(whole.without(pairs.over(before, after)), pairs.over(first, end))
    columns = pairs.sums.shape[-1]
    floor, least = dependence.usual_by_chance(columns * (columns - 1) // 2)
    return learn_usual(largest.max(axis=(1, 2)), floor=floor, power=1.0, least=least)


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
    first, end, before, after = _places(blocks, units=len(counts))
    return summed[end] - summed[first], summed[-1] - (summed[after] - summed[before])


def _places(blocks: Blocks, *, units: int) -> tuple[Array, Array, Array, Array]:
    """First unit of each block's piece and the one after its last, without and with the gaps."""
    import numpy as np

    first, end = np.array(blocks.pieces).T
    return first, end, np.maximum(0, first - blocks.gap), np.minimum(units, end + blocks.gap)
