"""A champion is compared with the one before it, or with a fresh model, on the same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.stages.model.version_tags import COMPARED_WITH
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.monitoring import MemoryLog
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN, TrainingEnv, spec

MARCH = datetime(2013, 3, 1, tzinfo=UTC)


def reversed_by(rows: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """Crossings that are late in calm weather from a day on."""
    turned = rows["departs"] >= pd.Timestamp(since)
    return rows.assign(late=rows["late"].where(~turned, 1 - rows["late"]))


def env_of(folder: Path, *, since: datetime, comparator: str, horizon: int = 0) -> TrainingEnv:
    """A champion of January, whose world turned on a day, and labels until the end of March."""
    env = TrainingEnv.in_memory(folder)
    performance = {"metric": "roc_auc", "max_absolute_drop": 0.05, "comparator": comparator}
    env.spec = spec(
        training={"holdout_days": 10, "min_rows": 300, "window_days": 14},
        monitoring={
            "window": "month",
            "min_rows": 100,
            "label_horizon_days": horizon,
            "performance": performance,
        },
    )
    rows = reversed_by(ferry_dataset.crossings(days=90), since)
    env.land(rows[rows["departs"] < pd.Timestamp("2013-02-01", tz=UTC)])
    env.champion()
    february = rows["departs"].dt.month == 2
    env.land(rows[february])
    env.land(rows[rows["departs"] >= pd.Timestamp(MARCH)])
    return env


def judged(env: TrainingEnv, *, since: datetime, score: pd.Series | None = None) -> Verdict:
    """The verdict on March, by the scores of a day without a change, or by others."""
    rows = reversed_by(ferry_dataset.crossings(days=90), since)
    march = rows[rows["departs"] >= pd.Timestamp(MARCH)].reset_index(drop=True)
    march = march if score is None else march.assign(score=score)
    return measure_performance(
        env.spec,
        env.dataset,
        window="2013-03-v1",
        context=RunContext(env.store, ORIGIN),
        registry=env.registry,
        tables=env.tables,
        log=MemoryLog(ferry_dataset.logged(march)),
        tools=performance_tools(),
    ).verdict


def test_a_fresh_model_that_does_better_shows_decay(tmp_path: Path) -> None:
    """It was fitted to what was known as the window began, by when the world had turned."""
    turned = datetime(2013, 2, 12, tzinfo=UTC)
    env = env_of(tmp_path, since=turned, comparator="fresh")
    verdict = judged(env, since=turned)
    assert verdict.action == "decayed"
    assert "where a fresh model, fitted to 561 rows known before it, has 0." in verdict.reason
    assert float(verdict.numbers["drop_lower"] or 0) > 0.05


def test_a_fresh_model_knows_no_label_before_its_horizon(tmp_path: Path) -> None:
    """What turned 17 days before is in no training whose labels are 20 days late."""
    turned = datetime(2013, 2, 12, tzinfo=UTC)
    env = env_of(tmp_path, since=turned, comparator="fresh", horizon=20)
    verdict = judged(env, since=turned)
    assert abs(float(verdict.numbers["drop"] or 0)) < 0.05


def test_a_fresh_model_knows_nothing_of_the_window(tmp_path: Path) -> None:
    """Where the world turns as the window begins it is as wrong, but a constant is not."""
    env = env_of(tmp_path, since=MARCH, comparator="fresh")
    verdict = judged(env, since=MARCH)
    assert abs(float(verdict.numbers["drop"] or 0)) < 0.05
    assert verdict.action == "decayed"
    assert "worse than a constant" in verdict.reason


def test_a_champion_as_good_as_a_fresh_model_is_ok(tmp_path: Path) -> None:
    """Where nothing has changed a fit would gain nothing."""
    never = datetime(2014, 1, 1, tzinfo=UTC)
    env = env_of(tmp_path, since=never, comparator="fresh")
    verdict = judged(env, since=never)
    assert verdict.action == "ok", verdict.reason
    assert verdict.numbers["comparator"] == "fresh"


def test_the_former_champion_that_does_better_shows_decay(tmp_path: Path) -> None:
    """It answers the same rows, from the registry."""
    never = datetime(2014, 1, 1, tzinfo=UTC)
    env = env_of(tmp_path, since=never, comparator="previous")
    env.registry.tag("ferry_delay", 1, {COMPARED_WITH: "version 1"})
    guessed = pd.Series(np.random.default_rng(1).random(31 * ferry_dataset.ROWS_PER_DAY))
    verdict = judged(env, since=never, score=guessed)
    assert verdict.action == "decayed"
    assert "where version 1, the champion before it, has 0.7" in verdict.reason


def test_without_a_former_champion_the_holdout_stands_in(tmp_path: Path) -> None:
    """The verdict says so."""
    never = datetime(2014, 1, 1, tzinfo=UTC)
    verdict = judged(env_of(tmp_path, since=never, comparator="previous"), since=never)
    assert verdict.action == "ok", verdict.reason
    assert "since there was no champion before this one" in verdict.reason
    assert "the champion's holdout let expect" in verdict.reason
