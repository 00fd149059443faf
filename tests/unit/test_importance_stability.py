"""Importances of a window beside those of the evaluation: rarely a warning without a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import Package
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.spec.explanations import Explanations
from slipway.spec.importance import Importance
from slipway.spec.logged_columns import OUTLIER_SCORE
from slipway.spec.warnings import model_warnings
from slipway.stages.monitor.drift.importance_stability import (
    OTHERS,
    ImportanceTools,
    stability_of,
    with_stability,
)
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.ports.explanations import Explained
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, PlainReports
from tests.support import ferry_dataset
from tests.unit.test_drift import registry_of_one_version
from tests.unit.test_importance import store_with

APRIL = datetime(2013, 4, 1, tzinfo=UTC)
COLUMNS = ["a", "b", "c", "d", "e", "f"]
SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
BEFORE = dict(zip(COLUMNS[:4], SHARES.tolist(), strict=False))
DAYS, ROWS = 30, 300
ASKED = Importance()


def drawn(shares: np.ndarray[Any, Any], *, correlation: float, seed: int) -> Any:
    """Sizes whose level moves from day to day, column by column, and the day of each row."""
    random = np.random.default_rng(seed)
    level = np.zeros((DAYS, len(shares)))
    level[0] = random.normal(size=len(shares))
    for day in range(1, DAYS):
        shock = random.normal(size=len(shares)) * (1 - correlation**2) ** 0.5
        level[day] = correlation * level[day - 1] + shock
    days = np.sort(random.integers(0, DAYS, ROWS))
    moves = np.exp(0.4 * level[days] - 0.08)
    return np.abs(random.normal(size=(ROWS, len(shares)))) * shares * moves, days


def alerts(shares: np.ndarray[Any, Any], *, correlation: float, windows: int = 100) -> float:
    """Share of windows that warn."""
    warned = 0
    for seed in range(windows):
        sizes, days = drawn(shares, correlation=correlation, seed=seed)
        found = stability_of(sizes, COLUMNS, blocks=days, before=BEFORE, seed=1)
        warned += found.at_most < ASKED.min_in_common
    return warned / windows


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_a_window_of_the_same_importances_hardly_ever_warns(correlation: float) -> None:
    """In at most 1 of 100 windows, also where days are alike for long."""
    assert alerts(SHARES, correlation=correlation) <= 0.01


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_importances_that_have_changed_places_warn(correlation: float) -> None:
    """In most windows, where the first and the third, and the second and the last, have."""
    assert alerts(SHARES[[2, 5, 0, 3, 4, 1]], correlation=correlation) >= 0.9


def test_columns_without_a_share_before_count_as_one() -> None:
    """The record of an evaluation names those that move most."""
    sizes = np.tile(SHARES, (40, 1))
    found = stability_of(sizes, COLUMNS, blocks=np.arange(40), before=BEFORE, seed=1)
    assert found.in_common == pytest.approx(1.0)
    assert found.rank_correlation == pytest.approx(1.0)
    assert {name for name, _, _ in found.moved} == {*BEFORE, OTHERS}


def test_a_column_that_the_version_lacks_has_no_share() -> None:
    """Its share of before is missing from what both have in common."""
    sizes = np.ones((30, 1))
    found = stability_of(sizes, ["a"], blocks=np.arange(30), before={"a": 0.5, "z": 0.5}, seed=1)
    assert found.in_common == pytest.approx(0.5)


def test_a_warning_names_what_moved_and_changes_no_action() -> None:
    """Drift stays as it was judged; a warning requests no training."""
    sizes = np.tile(SHARES[[2, 5, 0, 3, 4, 1]], (40, 1))
    found = stability_of(sizes, COLUMNS, blocks=np.arange(40), before=BEFORE, seed=1)
    verdict = with_stability(Verdict("ok", "As before.", {"rows": 40}), found, ASKED)
    assert verdict.action == "ok"
    assert verdict.numbers["importance.alert"] is True
    assert "Warning: that is less than 75%" in verdict.reason
    assert "a 15% (was 40%)" in verdict.reason
    assert "It requests no training" in verdict.reason


@pytest.fixture(scope="module")
def package() -> Package:
    """A model of lateness."""
    rows = ferry_dataset.crossings(days=20)
    learner = SklearnLearner(ferry_dataset.model(), ferry_dataset.dataset(), None)
    learned = learner.learn(rows, classes=(0, 1)).package
    features = [{"name": one.name, "kind": one.kind} for one in learned.columns]
    return replace(learned, manifest={"features": features, "pii": {}})


def moved_by(wind: float) -> Any:
    """An explanation by which wind moves the answers so much, and the port all the rest."""

    def explain(package: Any, rows: pd.DataFrame, **_: Any) -> Explained:
        assert package.predict(rows).shape == (len(rows),)
        return Explained(["wind", "port"], np.tile([wind, 1 - wind], (len(rows), 1)), "linear")

    return explain


def measured(
    package: Package,
    explain: Any,
    *,
    store: MemoryStore,
    importance: dict[str, Any] | None,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
) -> Verdict:
    """The drift verdict of April."""
    rows = change(ferry_dataset.logged(ferry_dataset.crossings(days=30, start=APRIL, seed=2)))

    def load(folder: Path) -> Package:
        assert (folder / "slipway").is_dir()
        return package

    return measure_drift(
        ferry_dataset.model(monitoring={"importance": importance}),
        ferry_dataset.dataset(),
        window="2013-04-v1",
        context=RunContext(store, {"by": "a test"}),
        registry=registry_of_one_version(),
        log=MemoryLog(rows),
        reports=PlainReports(),
        importance=ImportanceTools(load, explain),
    ).verdict


TABLE = json.dumps([["wind", 0.8, None], ["port", 0.2, None]])


def test_a_window_is_explained_beside_its_evaluation(package: Package) -> None:
    """The record has what both have in common, and warns where that is too little."""
    like = measured(package, moved_by(0.75), store=store_with(TABLE), importance={})
    assert like.numbers["importance.in_common"] == pytest.approx(0.95)
    assert like.numbers["importance.rank_correlation"] == pytest.approx(1.0)
    assert like.numbers["importance.rows"] == 300
    assert "Warning" not in like.reason
    other = measured(package, moved_by(0.3), store=store_with(TABLE), importance={})
    assert other.action == like.action == "ok"
    assert other.numbers["importance.alert"] is True
    assert "wind 30% (was 80%)" in other.reason


def test_nothing_is_explained_unless_the_spec_asks(package: Package) -> None:
    """It costs the import of shap, and a sample of predictions."""

    def never(*_: Any, **__: Any) -> Explained:
        raise AssertionError

    verdict = measured(package, never, store=store_with(TABLE), importance=None)
    assert "Importance" not in verdict.reason


def test_why_it_is_not_measured_is_told(package: Package) -> None:
    """An evaluation without explanations, and columns that the log does not hold."""
    verdict = measured(package, moved_by(0.5), store=store_with(None), importance={})
    assert "not measured, its evaluation explained nothing" in verdict.reason
    assert "`gates.explanations`" in verdict.reason
    hidden = replace(package, manifest={**package.manifest, "pii": {"port": "hash"}})
    verdict = measured(hidden, moved_by(0.5), store=store_with(TABLE), importance={})
    assert "the log does not hold what an explanation needs (port)" in verdict.reason


def test_the_share_of_outliers_of_a_window_is_told(package: Package) -> None:
    """By the score that was logged with each row; versions without it tell nothing."""

    def scored(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{OUTLIER_SCORE: np.where(np.arange(len(rows)) % 10 == 0, 0.999, 0.5)})

    verdict = measured(package, moved_by(0.5), store=MemoryStore(), importance=None, change=scored)
    assert verdict.numbers["outliers"] == pytest.approx(0.1)
    assert "10.0% of the rows are more unusual than 99% of the training rows" in verdict.reason
    assert verdict.action == "ok"
    plain = measured(package, moved_by(0.5), store=MemoryStore(), importance=None)
    assert "outliers" not in plain.numbers


def test_a_spec_whose_evaluation_measures_no_importance_is_warned_of() -> None:
    """Nothing is there to hold a window against."""
    spec = ferry_dataset.model(monitoring={"window": "month", "importance": {}})
    told = list(model_warnings(spec, None))
    assert any(one.startswith("monitoring.importance: measures nothing") for one in told)
    explained = spec.gates.model_copy(update={"explanations": Explanations()})
    told = list(model_warnings(spec.model_copy(update={"gates": explained}), None))
    assert not any(one.startswith("monitoring.importance") for one in told)
