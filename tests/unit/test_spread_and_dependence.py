"""Drift that no single distance shows: a column that is wider, and columns that part company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Verdict
from slipway.stages.monitor.drift.dependence import (
    MOST_COLUMNS,
    PairSums,
    learn_pair_scores,
    pair_distances,
)
from slipway.stages.monitor.drift.distances import CalibratedReference, calibrate_reference, compare
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.drift.spread import Width
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.reference.reference_counts import count_reference
from tests.support import ferry_dataset

START, WEEK = datetime(2025, 1, 6, tzinfo=UTC), timedelta(days=7)
DAYS, ROWS_A_DAY = 150, 60
SPEC = ferry_dataset.model(monitoring={"window": "week", "min_rows": 150})
COLUMNS = Columns(("wind", "wave", "twin", "flat", "score"), ("port",), "jensenshannon", "psi")


def history(seed: int, *, days: int) -> pd.DataFrame:
    """Rows whose days have a level; waves follow the wind; a twin and a constant."""
    random = np.random.default_rng(seed)
    level = np.repeat(random.normal(0, 0.4, days), ROWS_A_DAY)
    wind = level + random.normal(size=days * ROWS_A_DAY)
    wave = 0.8 * wind + 0.6 * random.normal(size=len(wind))
    return pd.DataFrame(
        {
            "wind": np.exp(wind),
            "wave": wave,
            "twin": 2 * wave,
            "flat": 1.0,
            "score": 1 / (1 + np.exp(-wind)),
            "port": random.choice(["Bergen", "Oslo"], len(wind)),
        }
    )


def reference(rows: pd.DataFrame, *, columns: Columns = COLUMNS) -> CalibratedReference:
    """Rows of days from the first one on, with their limits."""
    return calibrate_reference(
        rows[list(columns.names)],
        pd.Series(pd.Timestamp(START) + pd.to_timedelta(rows.index // ROWS_A_DAY, unit="D")),
        columns=columns,
        window=WEEK,
        window_rows=7 * ROWS_A_DAY,
        spec=SPEC,
    )


def judged(
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    *,
    seed: int = 0,
    columns: Columns = COLUMNS,
) -> Verdict:
    """The verdict on a week after the reference."""
    known = reference(history(seed, days=DAYS), columns=columns)
    window = change(history(seed + 1000, days=7))[list(columns.names)]
    return judge_drift(compare(window, known, seed=7), SPEC.monitoring)


def shuffled(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The same values of a column in other rows."""
    return rows.assign(**{name: rows[name].sample(frac=1, random_state=3).to_numpy()})


@pytest.mark.parametrize(("times", "told"), [(1.6, "1."), (0.6, "0.")])
def test_a_column_that_is_wider_or_narrower_is_drift(times: float, told: str) -> None:
    """Its level did not move, so its distance may be ordinary; how many times as wide is told."""
    verdict = judged(lambda rows: rows.assign(wave=rows["wave"] * times, twin=rows["twin"] * times))
    assert verdict.action == "drifting"
    assert f"wave is spread {told}" in verdict.reason
    assert "times as wide as the reference (limits 0." in verdict.reason
    assert verdict.numbers["spread.wave"] == pytest.approx(times, abs=0.25)
    assert float(verdict.numbers["spread_limit.wave"] or 0) > 1


def test_columns_that_part_company_are_drift_though_each_is_as_before() -> None:
    """The pair that changed most is named with both correlations."""
    verdict = judged(lambda rows: shuffled(rows, "wave"))
    assert verdict.action == "drifting"
    assert "wave and twin correlate by" in verdict.reason
    assert "and by 1.00 in the reference" in verdict.reason
    assert verdict.numbers["pair"] == "wave and twin"
    assert float(verdict.numbers["pair_loudness"] or 0) > 1
    assert verdict.numbers["feature_drift"] == verdict.numbers["pair_loudness"]


def test_an_answer_that_follows_another_feature_is_prediction_drift() -> None:
    """A score is one of the pair: the model answers otherwise, though its scores look as before."""
    verdict = judged(lambda rows: shuffled(rows, "score"))
    assert verdict.action == "drifting"
    assert "score correlate by" in verdict.reason
    assert float(verdict.numbers["prediction_drift"] or 0) > 1


def test_unchanged_weeks_raise_no_alarm_by_width_or_pairs() -> None:
    """Levels that wander from day to day, a copied and a constant column included."""
    actions = [judged(seed=seed).action for seed in range(20)]
    assert actions.count("drifting") <= 1


def test_a_single_numeric_column_has_no_pair() -> None:
    """It is judged by its distance and its width alone."""
    one = Columns(("wave",), ("port",), "jensenshannon", "psi")
    assert judged(columns=one).action == "ok"
    assert judged(lambda rows: rows.assign(wave=rows["wave"] * 2), columns=one).action == "drifting"


def test_a_column_of_mostly_one_value_has_neither_width_nor_pair() -> None:
    """As rain: a few rows would change both many times, and the limits of all others with them."""
    rain = {"wave": lambda rows: rows["wave"].where(rows["wave"] > 1, 0.0)}
    columns = Columns(("wind", "wave"), ("port",), "jensenshannon", "psi")
    known = reference(history(0, days=DAYS).assign(**rain), columns=columns)
    assert known.calibration is not None
    assert known.calibration.usual_spread.keys() == {"wind"}
    assert known.calibration.usual.keys() >= {"wind", "wave"}
    assert known.pairs is None


def test_missing_values_break_no_pair() -> None:
    """A missing value counts as an ordinary one, as many as the reference has or more."""
    verdict = judged(lambda rows: rows.assign(wave=np.nan))
    assert verdict.action == "drifting"
    assert "wave has no values" in verdict.reason


def test_width_and_dependence_depend_on_no_unit() -> None:
    """Bins of quantiles make them the same for kilometres and miles, and for their logarithms."""
    rows, names = history(5, days=60), ("wind", "wave")
    found = []
    for change in (lambda one: one, lambda one: one * 1.609, np.log):
        changed = rows.assign(wind=change(rows["wind"]))[list(names)]
        columns = Columns(names, (), "jensenshannon", "psi", scores=())
        days = pd.to_timedelta(rows.index // ROWS_A_DAY, unit="D")
        times = pd.Series(pd.Timestamp(START) + days)
        counts = count_reference(changed, times, columns=columns, window=WEEK)
        scores = learn_pair_scores(counts.counts, counts.bins, names)
        assert scores is not None
        found.append(scores.sum(changed).correlations())
    assert np.allclose(found[0], found[1:])
    assert found[0][0, 1] == pytest.approx(0.8, abs=0.06)


def test_sums_by_unit_add_up_to_those_of_all_rows() -> None:
    """What a block is held against is the whole without it."""
    random = np.random.default_rng(2)
    sums = PairSums(np.full(9, 5), random.normal(size=(9, 3)), random.normal(size=(9, 3, 3)))
    part = sums.over(np.array([2]), np.array([5]))
    rest = sums.total().without(part)
    assert rest.rows[0] == 30
    assert np.allclose(rest.sums[0], sums.sums[[0, 1, 5, 6, 7, 8]].sum(axis=0))


def test_a_pair_differs_by_standard_errors_where_rows_are_independent() -> None:
    """Of 2,000 pairs of samples without a change 4 to 6 % are more than 1.96 errors apart."""
    random, size = np.random.default_rng(4), 400

    def sums() -> PairSums:
        one = random.normal(size=(2000, size))
        both = np.stack([one, 0.5 * one + random.normal(size=one.shape)], axis=-1)
        products = np.einsum("sri,srj->sij", both, both)
        return PairSums(np.full(2000, size), both.sum(axis=1), products)

    distances = pair_distances(sums(), sums())[:, 0, 1]
    assert 0.04 < (distances > 1.96).mean() < 0.06


def test_a_wide_model_compares_the_pairs_of_its_first_columns() -> None:
    """The sums grow with the square of the columns."""
    names = tuple(f"n{number}" for number in range(MOST_COLUMNS + 20))
    rows = pd.DataFrame(np.random.default_rng(6).normal(size=(400, len(names))), columns=names)
    times = pd.Series(pd.Timestamp(START) + pd.to_timedelta(np.arange(400) // 40, unit="D"))
    columns = Columns(names, (), "jensenshannon", "psi", scores=())
    counts = count_reference(rows, times, columns=columns, window=WEEK)
    scores = learn_pair_scores(counts.counts, counts.bins, names)
    assert scores is not None
    assert scores.names == names[:MOST_COLUMNS]


@pytest.mark.parametrize("times", [0.25, 0.5, 1.0, 1.5, 3.0])
def test_the_width_is_the_factor_by_which_values_are_further_from_their_middle(
    times: float,
) -> None:
    """Though the outer of ten bins tell nothing of how far away their values are."""
    random, shares = np.random.default_rng(8), np.full(10, 0.1)
    edges = np.quantile(random.normal(size=200_000), np.arange(1, 10) / 10)
    places = np.searchsorted(edges, times * random.normal(size=200_000))
    found = np.exp(Width.of(shares).log_factor(np.bincount(places, minlength=10) / 200_000))
    assert found == pytest.approx(times, rel=0.03)


def test_a_column_without_values_has_no_width_to_tell() -> None:
    """Shares of nothing give no number, and no warning."""
    assert np.isnan(Width.of(np.full(4, 0.25)).log_factor(np.full(4, np.nan)))
