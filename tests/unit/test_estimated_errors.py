"""Errors of a regression are estimated before labels, by a model of the loss over features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.loss_model import fit_losses
from slipway.adapters.metrics import measure
from slipway.records.run_context import RunContext
from slipway.spec.metrics import METRICS, metrics_of
from slipway.stages.model.held_out_features import (
    FILE,
    MAX_CELLS,
    MAX_ROWS,
    HeldOutFeatures,
    kept_file,
    parse_held_out_features,
)
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.estimate.estimated_errors import ESTIMATES, KnownErrors, estimate_errors
from slipway.stages.monitor.estimate.estimated_performance import Estimate
from slipway.stages.monitor.reference.reference import read_reference
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, PlainReports
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

SEEDS = range(6)
HOURS = 24
METRIC = pytest.mark.parametrize("metric", ["mean_absolute_error", "root_mean_squared_error"])


def crossings(
    random: np.random.Generator, days: int, *, wind: float = 0.0, bias: float = 0.0
) -> KnownErrors:
    """Crossings whose errors grow with the wind, which the predicted value does not tell.

    Wind and errors of neighbouring days are alike, by a correlation of 0.7.

    Args:
        random: Draws.
        days: Days of 24 rows.
        wind: Shift of the wind.
        bias: Shift of the labels that no feature tells: concept drift.
    """
    of_day = np.repeat(_alike(random, days), HOURS), np.repeat(_alike(random, days), HOURS)
    strength = wind + of_day[0] + random.normal(0, 0.5, days * HOURS)
    scores = random.normal(10, 3, days * HOURS)
    errors = np.exp(0.5 * strength) * (0.3 * of_day[1] + random.normal(0, 1, days * HOURS))
    port = random.choice(["Oban", "Mallaig"], days * HOURS)
    rows = pd.DataFrame({"wind": strength, "port": port, "score": scores})
    return KnownErrors(rows, scores + errors + bias, scores)


def _alike(random: np.random.Generator, days: int) -> Any:
    values = [random.normal()]
    for _ in range(days - 1):
        values.append(0.7 * values[-1] + 0.51**0.5 * random.normal())
    return np.array(values)


def estimated(
    metric: str, window: KnownErrors, known: KnownErrors, names: Sequence[str] = ()
) -> Estimate:
    """The estimate of a window, by some of the columns or all."""
    columns = list(names or known.rows)
    found = estimate_errors(
        metric,
        window.rows[columns],
        window.scores,
        KnownErrors(known.rows[columns], known.labels, known.scores),
        fit=fit_losses,
        seed=1,
        measure=measure,
    )
    assert found is not None
    return found


def realised(metric: str, rows: KnownErrors) -> float:
    """The metric by the labels."""
    value = measure([metric], actual=pd.Series(rows.labels), scores=rows.scores)[metric]
    assert value is not None
    return value


@pytest.mark.parametrize("metric", metrics_of("regression"))
def test_harder_rows_are_followed_by_their_features(metric: str) -> None:
    """Over seeds: less than half as far off as by the predicted value, and mostly the right way."""
    by_features, by_value, right = [], [], 0
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        known, window = crossings(random, 120), crossings(random, 30, wind=1.0)
        truth = realised(metric, window)
        found = estimated(metric, window, known)
        by_features.append(abs(found.value - truth))
        by_value.append(abs(estimated(metric, window, known, ["score"]).value - truth))
        right += found.drop(metric) > 0
    assert right >= len(SEEDS) - 1
    assert np.mean(by_features) < 0.5 * np.mean(by_value)


@METRIC
def test_rows_like_the_holdout_are_estimated_like_it(metric: str) -> None:
    """Windy and calm weeks move it as they move the errors; on the holdout it is right."""
    changes = []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        known, window = crossings(random, 120), crossings(random, 60)
        found = estimated(metric, window, known)
        changes.append(abs(found.drop(metric)) / found.before)
        assert found.off is not None
        assert found.off < 0.4 * found.before
        truth = realised(metric, known)
        assert found.before == pytest.approx(truth, rel=0.02)
    assert np.mean(changes) < 0.3


@METRIC
def test_a_change_of_meaning_alone_moves_nothing(metric: str) -> None:
    """The estimate stays where it was while the errors are twice as large."""
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        known, window = crossings(random, 120), crossings(random, 60, bias=4.0)
        found = estimated(metric, window, known)
        assert abs(found.drop(metric)) < 0.5 * found.before
        assert realised(metric, window) > 1.5 * found.value


def test_every_metric_of_a_regression_is_estimated() -> None:
    """A new row of the metrics needs one in the estimates."""
    assert set(ESTIMATES) == set(metrics_of("regression"))
    assert all(METRICS[name].task == "regression" for name in ESTIMATES)


def test_a_share_of_variance_follows_the_spread_of_the_labels() -> None:
    """Where predicted values are alike, less of the variance can be told."""
    random = np.random.default_rng(1)
    known, window = crossings(random, 120), crossings(random, 60)
    alike = window.scores * 0.3 + 7
    narrow = KnownErrors(
        window.rows.assign(score=alike), alike + window.labels - window.scores, alike
    )
    found, truth = estimated("r2_score", narrow, known), realised("r2_score", narrow)
    assert abs(found.value - truth) < 0.25 * abs(found.before - truth)


def test_of_few_rows_and_constant_columns_nothing_is_learnt() -> None:
    """Too few give no estimate; a column without values, or of unknown ones, changes nothing."""
    random = np.random.default_rng(1)
    known = crossings(random, 8)
    common: dict[str, Any] = {"fit": fit_losses, "seed": 1, "measure": measure}
    metric = "mean_absolute_error"
    assert estimate_errors(metric, known.rows, known.scores, known, **common) is None
    rows = pd.DataFrame({"gone": [None] * 300, "same": [1.0] * 300})
    assert fit_losses(rows, np.arange(300.0), seed=1)(rows[:2]).tolist() == [149.5, 149.5]
    ports = pd.DataFrame({"port": ["a", "b"] * 150})
    expected = fit_losses(ports, np.array([1.0, 3.0] * 150), seed=1)
    told = expected(pd.DataFrame({"port": ["a", "b", "c", None]}))
    assert told[:2] == pytest.approx([1.0, 3.0], abs=0.1)
    assert all(1 <= one <= 3 for one in told)


def test_a_version_keeps_few_rows_of_many_columns(tmp_path: Path) -> None:
    """In order of time, with features of any name."""
    random = np.random.default_rng(1)
    wide = pd.DataFrame(random.normal(size=(900, 4000)), columns=[f"x{n}" for n in range(4000)])
    kept = HeldOutFeatures(wide, np.arange(900.0), np.zeros(900)).bounded()
    assert kept.features.size <= MAX_CELLS
    long = HeldOutFeatures(wide[["x0"]].iloc[[0] * 25_000], np.arange(25_000.0), np.zeros(25_000))
    assert len(long.bounded().labels) <= MAX_ROWS
    assert kept_file(tmp_path) == {}
    named = HeldOutFeatures(
        pd.DataFrame({"label": [1.0, 2.0], "score": ["a", "b"]}), np.ones(2), np.zeros(2)
    )
    (tmp_path / "slipway").mkdir()
    (tmp_path / FILE).write_bytes(named.to_bytes())
    found = parse_held_out_features(kept_file(tmp_path)[FILE])
    assert found.features.to_dict("list") == {"label": [1.0, 2.0], "score": ["a", "b"]}
    assert (found.labels.tolist(), found.scores.tolist()) == ([1.0, 1.0], [0.0, 0.0])


def test_a_windows_record_has_the_estimate(tmp_path: Path) -> None:
    """Of a trained version; it alerts of crossings that are as often late as not."""
    env = TrainingEnv.in_memory(tmp_path)
    bars = {"mean_absolute_error": {"threshold": 0.9, "compare": "point"}}
    env.spec = spec(
        task="regression",
        estimator={"name": "sklearn.linear_model.Ridge"},
        gates={"metrics": bars, "min_holdout_rows": 100},
        monitoring={
            "window": "month",
            "min_rows": 100,
            "performance": {"metric": "mean_absolute_error", "max_absolute_drop": 0.02},
        },
    )
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    reference = read_reference(
        env.registry, env.spec, env.dataset, version=1, window=pd.Timedelta(days=31)
    )
    assert reference.held_out_features is not None
    assert list(reference.held_out_features.features) == ["wind", "port"]
    start = ferry_dataset.START + pd.Timedelta(days=60)
    rows = ferry_dataset.crossings(days=28, start=start, seed=2)
    hard = rows[rows["wind"].between(9, 15)].reset_index(drop=True)
    verdict = measure_drift(
        env.spec,
        env.dataset,
        window="2013-03-v1",
        context=RunContext(MemoryStore(), {"by": "a test"}),
        registry=env.registry,
        log=MemoryLog(ferry_dataset.logged(hard)),
        reports=PlainReports(),
        measure=measure,
        fit_losses=fit_losses,
    ).verdict
    estimate = float(verdict.numbers["estimated.mean_absolute_error"] or 0)
    assert estimate > float(verdict.numbers["estimated.before"] or 0) + 0.02
    assert verdict.numbers["estimated.alert"] is True
    assert "Before labels mean_absolute_error is estimated at" in verdict.reason
    assert "reassures of nothing" in verdict.reason
