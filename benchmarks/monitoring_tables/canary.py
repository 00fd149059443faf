"""Verdicts of rollouts by true error rates, beside a single look at 200 requests.

A rollout passes when every step of the default spec does. Ten requests come in a second, and are
drawn by the step's share; a step has an hour. Where errors are shared, each minute has a factor of
its own for both versions, an AR(1) series of logarithms, as where a back end is ill for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from harness import Effort, Ratio
from scipy.signal import lfilter
from scipy.stats import beta

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_errors import compare_errors
from slipway.stages.rollout.platform import VersionStats

SHIFT = Shift()
REQUESTS_A_SECOND = 10
LOOK_SECONDS = 15
LOOKS = int(SHIFT.limit_minutes * 60) // LOOK_SECONDS
LOOKS_A_MINUTE = 60 // LOOK_SECONDS
CORRELATION, SPREAD = 0.9, 1.0
"""Of the logarithm of a minute's factor, where errors are shared."""


@dataclass(frozen=True)
class Case:
    """A candidate and its champion.

    Attributes:
        rate: Error rate of the candidate.
        champion: Error rate of the champion.
        shared: Whether the rates go up and down together.
    """

    rate: float
    champion: float
    shared: bool = False

    def __str__(self) -> str:
        """The case as the first columns of the table."""
        return f"{self.rate:>9.1%} {self.champion:>9.1%} {'shared' if self.shared else '':>7}"


HEALTHY, BAD = Case(0.005, 0.005), Case(0.03, 0.005)
CASES = (
    Case(0.0, 0.0),
    HEALTHY,
    Case(0.005, 0.005, shared=True),
    Case(0.01, 0.01),
    Case(0.02, 0.005),
    BAD,
    Case(0.05, 0.005),
    Case(0.5, 0.005),
    Case(0.1, 0.1, shared=True),
)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one rollout: its verdict, the candidate's requests, and the single look's."""

    action: str
    requests: int
    single: str


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure the share of rollouts that pass, and the requests that they take."""
    seeds = effort.options.seeds or effort.pick(quick=100, full=1000)
    if not effort.options.json:
        print(f"{seeds} rollouts a row in steps of {SHIFT.steps} %, at most {SHIFT.max_error_rate}")
        print(f"{'candidate':>9} {'champion':>9} {'':>7} {'passed %':>9} {'aborted %':>9} ", end="")
        print(f"{'requests':>9} {'one look: passed %':>19} {'aborted %':>9}")
    passed: dict[Case, float] = {}
    with get_context("spawn").Pool(2) as pool:
        for case in CASES:
            found = pool.starmap(roll_out, [(case, seed) for seed in range(seeds)])
            passed[case] = _share(found, "action", "passed")
            if not effort.options.json:
                print(_line(case, found), flush=True)
    for name, case in {"canary_pass_healthy": HEALTHY, "canary_pass_bad": BAD}.items():
        meaning = f"of {seeds} versions with {case.rate:.1%} errors, beside {case.champion:.1%}"
        yield Ratio(name, passed[case], meaning)


def roll_out(case: Case, seed: int) -> Outcome:
    """Play the steps of one rollout."""
    random = np.random.default_rng([seed, round(case.rate * 1000), round(case.champion * 1000)])
    action, requests, single = "passed", 0, "passed"
    for step in SHIFT.steps:
        asked, failed = _counts(case, step / 100, random)
        if action == "passed":
            action, looks = _by_looks(asked, failed)
            requests += int(asked[looks, 0])
        if single == "passed":
            single = _by_one_look(asked[:, 0], failed[:, 0])
    return Outcome(action, requests, single)


def _counts(case: Case, share: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Requests and failures by look of candidate and champion, each of shape (looks, 2)."""
    factor = np.ones(LOOKS)
    if case.shared:
        noise = random.normal(0, (1 - CORRELATION**2) ** 0.5, LOOKS // LOOKS_A_MINUTE)
        series = SPREAD * lfilter([1.0], [1.0, -CORRELATION], noise)
        factor = np.repeat(np.exp(series - SPREAD**2 / 2), LOOKS_A_MINUTE)
    every = REQUESTS_A_SECOND * LOOK_SECONDS
    own = random.binomial(every, share, LOOKS)
    asked = np.column_stack([own, every - own])
    rates = np.minimum(1.0, np.outer(factor, [case.rate, case.champion]))
    return asked.cumsum(axis=0), random.binomial(asked, rates).cumsum(axis=0)


def _by_looks(asked: np.ndarray, failed: np.ndarray) -> tuple[str, int]:
    """The verdict of a step by the product's own comparison, and the look that gave it."""
    for look in range(LOOKS):
        stats, champion = (
            VersionStats(int(asked[look, one]), int(failed[look, one]), 5.0) for one in (0, 1)
        )
        shown = compare_errors(stats, champion, shift=SHIFT)
        if shown.is_above:
            return "aborted", look
        if shown.is_below and stats.asked >= SHIFT.requests:
            return "passed", look
    return "inconclusive", LOOKS - 1


def _by_one_look(asked: np.ndarray, failed: np.ndarray) -> str:
    """The verdict of one look at the first 200 requests by Clopper-Pearson bounds."""
    look = int(np.searchsorted(asked, SHIFT.requests))
    n, k, alpha = asked[look], failed[look], SHIFT.step_error_probability
    if k and beta.ppf(alpha, k, n - k + 1) > SHIFT.max_error_rate:
        return "aborted"
    highest = 1.0 if k == n else beta.ppf(1 - alpha, k + 1, n - k)
    return "passed" if highest <= SHIFT.max_error_rate else "inconclusive"


def _share(found: list[Outcome], name: str, action: str) -> float:
    return sum(getattr(one, name) == action for one in found) / len(found)


def _line(case: Case, found: list[Outcome]) -> str:
    passed, aborted, single, stopped = (
        100 * _share(found, name, action)
        for name in ("action", "single")
        for action in ("passed", "aborted")
    )
    requests = sum(one.requests for one in found) / len(found)
    return (
        f"{case} {passed:>9.1f} {aborted:>9.1f} {requests:>9,.0f} {single:>19.1f} {stopped:>9.1f}"
    )
