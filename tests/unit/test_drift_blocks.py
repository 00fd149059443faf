"""Blocks of a reference: as long as its days are alike; without enough a column has no limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.stages.monitor.drift.blocks import STRETCHES, cut_blocks
from slipway.stages.monitor.reference.autocorrelation import correlated_units, integrated_time


def series(correlation: float, *, seed: int, days: int = 200) -> np.ndarray:
    """A stationary AR(1) series."""
    random = np.random.default_rng(seed)
    values = random.normal(size=days)
    for day in range(1, days):
        values[day] = correlation * values[day - 1] + (1 - correlation**2) ** 0.5 * values[day]
    return values


@pytest.mark.parametrize(
    ("correlation", "least", "most"), [(0.0, 40, 40), (0.3, 38, 40), (0.6, 20, 40), (0.9, 0, 8)]
)
def test_a_slow_column_is_seldom_taken_for_a_quick_one(
    correlation: float, least: int, most: int
) -> None:
    """Of 180 days whose neighbours correlate by 0.9 few columns get a limit, by 0.3 nearly all."""
    times = [integrated_time(series(correlation, seed=seed, days=180)) for seed in range(40)]
    assert least <= sum(180 / time >= STRETCHES for time in times) <= most


def test_a_constant_column_has_no_correlation() -> None:
    """It has no variance to be alike in."""
    assert integrated_time(np.full(50, 0.1)) == 1
    assert correlated_units(np.full((50, 4), 3), ordered=True) == 1
    assert correlated_units(np.zeros((0, 4), dtype=int), ordered=False) == 1


def test_categories_are_followed_by_their_shares() -> None:
    """A column whose commonest category comes and goes slowly is slow, whatever its order."""
    share = 1 / (1 + np.exp(-series(0.95, seed=3)))
    counts = np.stack([np.round(500 * share), 500 - np.round(500 * share)], axis=1).astype(int)
    assert correlated_units(counts, ordered=False) > 10


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=300),
    st.dictionaries(st.sampled_from("abc"), st.floats(1, 40), min_size=1),
    st.integers(1, 40),
    st.integers(1, 300),
)
def test_blocks_keep_their_promises(
    rows: list[int],
    correlated: dict[str, float],
    window: int,
    min_rows: int,
) -> None:
    """Pieces are apart, no longer than a window, with enough rows, and judged columns have many."""
    blocks = cut_blocks(
        np.array(rows), correlated=correlated, window_units=window, min_rows=min_rows
    )
    assert {*blocks.judged, *blocks.observed} == set(correlated)
    assert all(count < STRETCHES for count in blocks.observed.values())
    assert all(correlated[name] * STRETCHES <= len(rows) for name in blocks.judged)
    assert all(correlated[name] <= blocks.units for name in blocks.judged if blocks.pieces)
    end = 0
    for first, after in blocks.pieces:
        assert end <= first < after <= len(rows)
        assert after - first <= window
        assert sum(rows[first:after]) >= min_rows
        end = after


def test_pieces_of_long_blocks_lie_apart() -> None:
    """Of blocks that are longer than a window only their middle stands for one."""
    blocks = cut_blocks(np.full(400, 50), correlated={"slow": 20.0}, window_units=7, min_rows=300)
    assert len(blocks.pieces) == 20
    assert {after - first for first, after in blocks.pieces} == {7}
    assert min(b[0] - a[1] for a, b in zip(blocks.pieces, blocks.pieces[1:], strict=False)) == 13
    assert blocks.gap == 20
