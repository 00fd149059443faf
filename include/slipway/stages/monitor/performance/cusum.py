"""Evidence that adds up over looks, and forgets what lies before the looks that speak for it; pure.

Source:
    Page 1954 (cumulative sum); Brook and Evans 1972 (its chances by a Markov chain).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

REFERENCE = 0.5
"""Standard deviations that each look has to bring before it adds to the sum: half of the shift that
is found soonest."""

_CELLS, _HALVINGS, _HIGHEST = 100, 30, 20.0


def suffix_sums(steps: Sequence[float]) -> list[float]:
    """Return the sum of each step and all that follow it."""
    sums, total = [], 0.0
    for step in reversed(steps):
        total += step
        sums.append(total)
    return sums[::-1]


@lru_cache
def evidence_limit(looks: int, rate: float) -> float:
    """Return what a sum of standard normal looks, less the reference, exceeds as seldom as a rate.

    Args:
        looks: Number of looks, at each of which the sum is compared with the limit.
        rate: Chance that it ever exceeds the limit.
    """
    low, high = 0.0, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chance_to_exceed(middle, looks) > rate:
            low = middle
        else:
            high = middle
    return high


def chance_to_exceed(limit: float, looks: int) -> float:
    """Return the chance that the sum exceeds a limit at any of some looks.

    Args:
        limit: Limit, above 0.
        looks: Number of looks.
    """
    import numpy as np
    from scipy.special import ndtr

    width = limit / _CELLS
    edges = np.arange(_CELLS + 1) * width
    # The sum begins at 0, and falls to no less.
    sums = np.concatenate([[0.0], edges[1:] - width / 2])
    below = ndtr(edges[None, :] - sums[:, None] + REFERENCE)
    moves = np.concatenate([below[:, :1], np.diff(below, axis=1)], axis=1)
    chances = np.zeros(len(sums))
    chances[0] = 1.0
    for _ in range(looks):
        chances = (chances[:, None] * moves).sum(axis=0)
    return float(1.0 - chances.sum())
