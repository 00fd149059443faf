"""Folds of a search: of training rows alone, in time or by keys."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import NotComputable
from slipway.spec.training import Training
from slipway.stages.gates.random_holdout import RandomHoldout
from slipway.stages.search.folds import folds_by_key, folds_by_time


@given(
    hours=st.lists(st.integers(0, 60), min_size=12, max_size=200).map(sorted),
    count=st.integers(2, 6),
)
def test_each_fold_by_time_is_measured_on_newer_rows(hours: list[int], count: int) -> None:
    """Without a gap, up to the last row, and no event time on both sides."""
    times = pd.Series(pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h"))
    try:
        folds = folds_by_time(times, count=count)
    except NotComputable:
        return
    assert len(folds) == count
    for fold in folds:
        assert times[fold.learning].max() < times[fold.measured].min()
        assert fold.learning.tolist() == list(range(fold.measured[0]))
    measured = np.concatenate([fold.measured for fold in folds])
    assert measured.tolist() == list(range(folds[0].measured[0], len(times)))


def test_folds_by_time_have_about_as_many_rows_each() -> None:
    """However the rows lie in time."""
    days = np.sort(np.random.default_rng(0).exponential(30, 1000))
    times = pd.Series(pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(days, unit="D"))
    sizes = [len(fold.measured) for fold in folds_by_time(times, count=4)]
    assert sizes == [200, 200, 200, 200]


def test_too_few_event_times_are_told() -> None:
    """With how many there are."""
    times = pd.Series(pd.to_datetime(["2013-01-01"] * 90 + ["2013-01-02"] * 10, utc=True))
    with pytest.raises(NotComputable, match="cannot be divided into 4 folds by time") as caught:
        folds_by_time(times, count=4)
    assert caught.value.found == "2 event times among 100 rows"


def test_folds_by_key_keep_all_rows_of_a_key_together() -> None:
    """Each row is measured once, and the division is that of the seed."""
    keys = pd.Series([f"c{number % 150}" for number in range(600)])
    folds = folds_by_key(keys, count=4, seed=7)
    assert sorted(np.concatenate([fold.measured for fold in folds])) == list(range(600))
    for fold in folds:
        assert not set(keys[fold.learning]) & set(keys[fold.measured])
        assert 60 < len(fold.measured) < 240
    again, other = folds_by_key(keys, count=4, seed=7), folds_by_key(keys, count=4, seed=8)
    assert all(
        np.array_equal(one.measured, two.measured) for one, two in zip(folds, again, strict=True)
    )
    assert not np.array_equal(folds[0].measured, other[0].measured)


def test_folds_by_key_divide_what_a_random_holdout_leaves() -> None:
    """The holdout has taken the keys of the smallest hashes; the folds use others."""
    keys = pd.Series([f"c{number}" for number in range(4000)])
    left = keys[~RandomHoldout.of(Training(split="random", seed=7)).holds(keys)].reset_index(
        drop=True
    )
    sizes = [len(fold.measured) for fold in folds_by_key(left, count=4, seed=7)]
    assert max(sizes) - min(sizes) < 0.2 * len(left) / 4


def test_too_few_keys_are_told() -> None:
    """A fold without rows measures nothing."""
    with pytest.raises(NotComputable, match="cannot be divided into 3 folds by their keys"):
        folds_by_key(pd.Series(["a"] * 50), count=3, seed=7)
