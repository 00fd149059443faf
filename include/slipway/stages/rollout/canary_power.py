"""Chances of a step's outcomes, and the requests that it takes, at a known error rate; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_errors import ErrorComparison, compare_errors, least_requests
from slipway.stages.rollout.platform import VersionStats

if TYPE_CHECKING:
    import numpy as np

HORIZON = 30
LOOKS_PER_LEAST = 50


@dataclass(frozen=True)
class StepChances:
    """What becomes of a step at a known error rate, for a champion that hardly fails.

    Attributes:
        passed: Chance that the candidate passes within `horizon` requests.
        aborted: Chance that it is aborted within them.
        requests: Mean number of requests until either, or until the horizon.
        horizon: Requests after which the step is not followed.
    """

    passed: float
    aborted: float
    requests: float
    horizon: int


def step_chances(shift: Shift, rate: float, *, horizon: int | None = None) -> StepChances:
    """Compute the chances of a step exactly, over all its looks.

    Args:
        shift: Rules of the spec.
        rate: True error rate of the candidate; its requests fail independently.
        horizon: Requests at the end of the step's time; None: `HORIZON` times the least that a
            version without an error needs.
    """
    import numpy as np

    least = least_requests(shift)
    block, horizon = max(1, least // LOOKS_PER_LEAST), horizon or HORIZON * least
    undecided = np.ones(1)
    passed = aborted = requests = 0.0
    asked, arrivals = 0, _failures(block, rate)
    for passes, fails in _boundaries(shift, block, horizon):
        requests += block * float(undecided.sum())
        asked += block
        undecided = np.convolve(undecided, arrivals)
        passed += float(undecided[: passes + 1].sum())
        aborted += float(undecided[fails:].sum())
        undecided[: passes + 1] = 0.0
        undecided = undecided[:fails]
    return StepChances(passed, aborted, requests, asked)


def _failures(requests: int, rate: float) -> np.ndarray:
    """Chance of each number of failures among some requests."""
    import numpy as np
    from scipy.special import betaln, xlog1py, xlogy

    failed = np.arange(requests + 1)
    ways = -betaln(failed + 1, requests - failed + 1) - np.log(requests + 1)
    return np.asarray(np.exp(ways + xlogy(failed, rate) + xlog1py(requests - failed, -rate)))


def _boundaries(shift: Shift, block: int, horizon: int) -> Iterator[tuple[int, int]]:
    """At each look: most failures that pass, -1 for none, and fewest that abort."""
    passes, fails = -1, 1
    for asked in range(block, horizon + 1, block):
        shown = partial(_shown, shift, asked)
        while asked >= shift.requests and shown(passes + 1).is_below:
            passes += 1
        while fails <= asked and not shown(fails).is_above:
            fails += 1
        yield passes, fails


def _shown(shift: Shift, asked: int, failed: int) -> ErrorComparison:
    return compare_errors(VersionStats(asked, failed), None, shift=shift)
