"""From what distance on a column has drifted: learnt from the reference's own blocks.

The reference is cut into contiguous blocks of time. Each block is compared with the rest of the
reference exactly as a window is compared with all of it. What the blocks show is what no drift
looks like, autocorrelation and weekdays included; random splits would hide both.

A window alarms when its loudest column is louder than the blocks' loudest columns were, so the
false-alarm rate is one per window, not one per column.
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
"""Below this a distance is nothing that a person would call one, on any of the scales.

It keeps a column that never moves from turning one odd row into the loudest signal of all.
"""


@dataclass(frozen=True)
class Calibration:
    """What distances between like samples look like.

    Attributes:
        blocks: How many blocks the reference was cut into.
        rows: Rows on either sample's smaller side; a window is reduced to so many.
        scales: A usual distance, by column.
        loudness: From here on the loudest column of a window is an alarm, in usual distances.
        alarm_rate: Share of windows that alarm though nothing changed.
    """

    blocks: int
    rows: int
    scales: Mapping[str, float]
    loudness: float
    alarm_rate: float

    def thresholds(self) -> dict[str, float]:
        """From which distance on each column alone would raise the alarm."""
        return {name: scale * self.loudness for name, scale in self.scales.items()}

    def loud(self, distances: Mapping[str, float]) -> dict[str, float]:
        """How many usual distances away each column is, loudest first."""
        loud = {
            name: value / self.scales[name]
            for name, value in distances.items()
            if name in self.scales
        }
        return dict(sorted(loud.items(), key=lambda item: -item[1]))


def block_count(rows: int, *, span_windows: float, min_rows: int, false_alarm_rate: float) -> int:
    """Into how many blocks a reference is cut.

    One block per window that the reference spans, or as many more as the false-alarm rate needs:
    with `b` blocks no rate below `1 / (b + 1)` can be told apart. Blocks shorter than a window
    vary more than windows do, so thresholds err on the quiet side. No block is so small that a
    window of its size would be inconclusive.

    Args:
        rows: Rows of the reference.
        span_windows: How many windows it spans in time.
        min_rows: Rows that a window needs.
        false_alarm_rate: Share of windows that may alarm though nothing changed.
    """
    wanted = max(math.ceil(span_windows), math.ceil(1 / false_alarm_rate) - 1)
    return min(wanted, rows // min_rows)


def block_edges(rows: int, blocks: int) -> list[tuple[int, int]]:
    """Each block's first row and the row after its last; sizes differ by one row at most."""
    edges = [round(rows * number / blocks) for number in range(blocks + 1)]
    return list(pairwise(edges))


def conformal_quantile(maxima: Sequence[float], false_alarm_rate: float) -> tuple[float, float]:
    """The smallest of the maxima that a like window exceeds at most so often, and how often.

    With too few maxima for the rate it is the largest of them, at its own rate. Exchangeable
    maxima put a new one above the j-th smallest of b with probability `1 - j / (b + 1)`.

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
    """What no drift looks like, from two or more blocks of a reference.

    Args:
        reference: Rows in the order of their event time.
        blocks: Into how many contiguous blocks they are cut.
        window_rows: Rows of the window in question.
        distances: Distance by column of a second sample from a first.
        false_alarm_rate: Share of windows that may alarm though nothing changed.
        seed: For the choice of rows.
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
    loudness, alarm_rate = conformal_quantile(maxima, false_alarm_rate)
    return Calibration(blocks, rows, scales, max(1.0, loudness), alarm_rate)


def usual_distances(seen: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median distance of each column over the blocks, at least `NEGLIGIBLE_DISTANCE`."""
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
