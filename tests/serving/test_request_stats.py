"""Request statistics of a version."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest

from slipway.serving.platform.proxy.request_stats import RequestStats
from slipway.stages.rollout.platform import VersionStats


def test_requests_failures_and_latencies() -> None:
    """A failure counts as a request; only an answer has a latency."""
    count = RequestStats()
    assert count.to_json() == {"asked": 0, "failed": 0, "p99_ms": None}
    count.fail()
    assert count.p99_ms is None
    count.answer(0.010)
    count.answer(None)
    stats = VersionStats(**count.to_json())
    assert (stats.asked, stats.failed) == (3, 1)
    assert stats.p99_ms == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("number", [1, 2, 99, 100, 101, 5000])
def test_p99_is_a_little_too_high_at_most(number: int) -> None:
    """The 99th percentile is rounded up by at most 2 %."""
    chance = random.Random(number)
    seconds = [chance.lognormvariate(-5, 1.5) for _ in range(number)]
    count = RequestStats()
    for value in seconds:
        count.answer(value)
    exact = 1000 * float(np.quantile(seconds, 0.99, method="inverted_cdf"))
    assert exact * 0.999 <= (count.p99_ms or 0) <= max(exact * 1.021, 0.1)


def test_a_count_stays_small() -> None:
    """A day's latencies, from microseconds to minutes, take a few kilobytes."""
    count = RequestStats()
    for number in range(100_000):
        count.answer(1e-6 * 1.0002**number)
    assert len(pickle.dumps(count)) < 10_000
