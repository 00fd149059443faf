"""The version that is picked for a request, and the failover order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.serving.platform.proxy.pick_version import failover_order, pick_version

KEYS = [f"flight-{number}" for number in range(20_000)]


def picked_versions(weights: dict[int, float]) -> dict[str, int | None]:
    """The picked version of each key."""
    return {key: pick_version("delay", weights, key=key) for key in KEYS}


@pytest.mark.parametrize("weights", [{1: 0.9, 2: 0.1}, {7: 0.5, 3: 0.5}, {1: 5, 2: 3, 3: 2}])
def test_each_version_gets_its_share(weights: dict[int, float]) -> None:
    """Of many keys a version gets its share, within five standard deviations of a binomial."""
    counts = Counter(picked_versions(weights).values())
    for version, weight in weights.items():
        share = weight / sum(weights.values())
        deviation = (len(KEYS) * share * (1 - share)) ** 0.5
        assert abs(counts[version] - share * len(KEYS)) < 5 * deviation


@pytest.mark.parametrize(("champion", "canary"), [(1, 2), (5, 4)])
def test_raising_a_share_moves_keys_only_towards_it(champion: int, canary: int) -> None:
    """From 10 to 50 % no key of the canary returns to the champion."""
    before = picked_versions({champion: 0.9, canary: 0.1})
    after = picked_versions({champion: 0.5, canary: 0.5})
    moved = {(before[key], after[key]) for key in KEYS if before[key] != after[key]}
    assert moved == {(champion, canary)}


@given(
    weights=st.dictionaries(st.integers(1, 9), st.floats(0.01, 1), min_size=2, max_size=4),
    factor=st.floats(1, 20),
    key=st.text(max_size=20),
)
def test_a_raised_version_only_wins(weights: dict[int, float], factor: float, key: str) -> None:
    """For any weights a key moves to the raised version or stays."""
    raised = min(weights)
    before = pick_version("delay", weights, key=key)
    after = pick_version("delay", weights | {raised: weights[raised] * factor}, key=key)
    assert after in {before, raised}


def test_the_same_key_falls_to_the_same_version() -> None:
    """The pick depends on model, weights and key only."""
    weights = {1: 0.5, 2: 0.5}
    assert picked_versions(weights) == picked_versions(dict(reversed(weights.items())))
    others = {key: pick_version("fuel", weights, key=key) for key in KEYS}
    assert others != picked_versions(weights)


def test_no_weight_picks_none() -> None:
    """Without weights there is no version; a single weight needs no draw."""
    assert pick_version("delay", {}, key="k") is None
    assert pick_version("delay", {4: 0.2}, key="k") == 4


def test_failover_order() -> None:
    """By weight, then warm versions, newest first; each version once."""
    weights = {1: 0.6, 2: 0.1, 3: 0.3}
    assert failover_order(weights, keep=(8, 9, 1), first=2) == [2, 1, 3, 9, 8]
    assert failover_order(weights, keep=(), first=None) == [1, 3, 2]
    assert failover_order({}, keep=(8,), first=None) == [8]
