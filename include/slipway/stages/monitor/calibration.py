"""Calibrate drift thresholds on the reference's own blocks.

The reference is cut into contiguous blocks of time. Each block is compared with the rest of the
reference as a window is compared with all of it. So the blocks show the distances without drift,
autocorrelation and weekdays included; random splits would hide both.

A window alarms when its largest drift ratio exceeds the blocks' largest ratios, so the false-alarm
rate is one per window, not one per column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NEGLIGIBLE_DISTANCE = 0.01
"""Smallest usual distance, below which no method's distance matters.

It keeps a constant column from turning one odd row into the largest drift ratio.
"""


@dataclass(frozen=True)
class Calibration:
    """Distances between samples without drift.

    Attributes:
        blocks: Number of blocks of the reference.
        rows: Rows of a block's sample; a window is sampled down to them.
        scales: Usual distance by column.
        ratio_limit: Largest drift ratio of a window without an alarm.
        alarm_rate: Share of windows that alarm without drift.
    """

    blocks: int
    rows: int
    scales: Mapping[str, float]
    ratio_limit: float
    alarm_rate: float

    def thresholds(self) -> dict[str, float]:
        """Distance above which each column alone alarms."""
        return {name: scale * self.ratio_limit for name, scale in self.scales.items()}

    def drift_ratios(self, distances: Mapping[str, float]) -> dict[str, float]:
        """Distance of each column divided by its usual distance, largest first."""
        ratios = {
            name: value / self.scales[name]
            for name, value in distances.items()
            if name in self.scales
        }
        return dict(sorted(ratios.items(), key=lambda item: -item[1]))


def block_count(rows: int, *, span_windows: float, min_rows: int, false_alarm_rate: float) -> int:
    """Number of blocks to cut a reference into.

    One block per window that the reference spans, or more if the false-alarm rate needs them: `b`
    blocks resolve no rate below `1 / (b + 1)`. Blocks shorter than a window vary more than
    windows do, so thresholds err on the quiet side. No block is so small that a window of its
    size would be inconclusive.

    Args:
        rows: Rows of the reference.
        span_windows: Windows that it spans in time.
        min_rows: Rows that a window needs.
        false_alarm_rate: Share of windows that may alarm without drift.
    """
    wanted = max(math.ceil(span_windows), math.ceil(1 / false_alarm_rate) - 1)
    return min(wanted, rows // min_rows)


def block_edges(rows: int, blocks: int) -> list[tuple[int, int]]:
    """First row of each block and the row after its last; sizes differ by one row at most."""
    edges = [round(rows * number / blocks) for number in range(blocks + 1)]
    return list(pairwise(edges))


def conformal_quantile(maxima: Sequence[float], false_alarm_rate: float) -> tuple[float, float]:
    """Conformal quantile of the maxima, and the rate at which a window without drift exceeds it.

    With too few maxima for the false-alarm rate it is the largest of them, at its own rate. A new
    exchangeable maximum is above the j-th smallest of b with probability `1 - j / (b + 1)`.

    Source: split conformal prediction, Vovk et al., Algorithmic Learning in a Random World, 2005.
    """
    count = len(maxima)
    rank = min(count, math.ceil((1 - false_alarm_rate) * (count + 1)))
    return sorted(maxima)[rank - 1], 1 - rank / (count + 1)


def calibrate(
    reference: pd.DataFrame,
    *,
    blocks: int,
    window_rows: int,
    distances: Callable[[pd.DataFrame, pd.DataFrame], Mapping[str, float]],
    false_alarm_rate: float,
    seed: int,
) -> Calibration:
    """Calibrate thresholds on two or more blocks of a reference.

    Args:
        reference: Rows ordered by event time.
        blocks: Number of contiguous blocks.
        window_rows: Rows of the window in question.
        distances: Distance of a second sample from a first, by column.
        false_alarm_rate: Share of windows that may alarm without drift.
        seed: Seed of the row samples.
    """
    edges = block_edges(len(reference), blocks)
    rows = min(window_rows, *(end - start for start, end in edges))
    seen: list[Mapping[str, float]] = []
    for start, end in edges:
        rest = reference.drop(reference.index[start:end])
        block = reference.iloc[start:end].sample(rows, random_state=seed)
        seen.append(distances(rest, block))
    scales = usual_distances(seen)
    maxima = [max((value / scales[name] for name, value in one.items()), default=0) for one in seen]
    ratio_limit, alarm_rate = conformal_quantile(maxima, false_alarm_rate)
    return Calibration(blocks, rows, scales, max(1.0, ratio_limit), alarm_rate)


def usual_distances(seen: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median distance of each column over the blocks, at least `NEGLIGIBLE_DISTANCE`."""
    names = dict.fromkeys(name for one in seen for name in one)
    return {
        name: max(NEGLIGIBLE_DISTANCE, _median([one[name] for one in seen if name in one]))
        for name in names
    }


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
