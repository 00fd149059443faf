"""Evaluation hands the gates a gain with its error, over blocks of the common holdout."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slipway.records.verdicts import Verdict
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAY = timedelta(days=1)
LATER = ferry_dataset.START + 60 * DAY


def _gates(**changes: Any) -> dict[str, Any]:
    return {"min_holdout_rows": 100, "metrics": {"roc_auc": {"threshold": 0.55}}, **changes}


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """A champion of sixty days, and thirty days that it has not seen."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    made.champion()
    return made


def _judge(
    env: TrainingEnv, rows: pd.DataFrame, labels: pd.DataFrame, *, learns: int = 40, **gates: Any
) -> Verdict:
    """Verdict on a challenger of these rows, whose holdout are their newest 25 days."""
    ferry_dataset.publish(env.tables, rows, labels=labels)
    training = {"holdout_days": 25, "window_days": learns, "min_rows": 500}
    env.spec = spec(training=training, gates=_gates(**gates))
    return env.until_gate(env.ask("second")).verdict


def test_a_challenger_that_learnt_what_changed_is_promoted(env: TrainingEnv) -> None:
    """What the champion learnt turned round, long before the holdout."""
    rows = ferry_dataset.crossings(days=70, start=LATER)
    turned = rows.assign(late=1 - rows["late"])
    verdict = _judge(env, rows, turned)
    assert verdict.action == "promote", verdict.reason
    assert verdict.numbers["blocks"] == 26
    lower, value = (verdict.numbers[f"gain.roc_auc.{one}"] for one in ("lower", "value"))
    assert 0 < float(lower or 0) < float(value or 0)
    assert f"at least {lower:+.4f} by 26 days" in verdict.reason


def test_a_challenger_of_fewer_rows_of_the_same_kind_is_refused(env: TrainingEnv) -> None:
    """Whatever its figure is, chance explains it."""
    rows = ferry_dataset.crossings(days=70, start=LATER)
    verdict = _judge(env, rows, rows, learns=15)
    assert verdict.action == "refuse", verdict.reason
    assert "is not shown to be better than the champion's" in verdict.reason


def test_a_challenger_that_learnt_the_opposite_is_refused(env: TrainingEnv) -> None:
    """The labels of its training rows were inverted."""
    rows = ferry_dataset.crossings(days=70, start=LATER)
    learnt = rows["departs"] < rows["departs"].max() - 25 * DAY
    verdict = _judge(env, rows, rows.assign(late=rows["late"].where(~learnt, 1 - rows["late"])))
    assert verdict.action == "refuse"
    assert "below the threshold" in verdict.reason


def test_a_short_common_holdout_decides_nothing(env: TrainingEnv) -> None:
    """The champion has seen most of it: of five new days fifteen are missing."""
    rows = ferry_dataset.crossings(days=5, start=LATER)
    ferry_dataset.publish(env.tables, rows, labels=rows)
    env.spec = spec(training={"holdout_days": 5, "min_rows": 500}, gates=_gates())
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == "inconclusive"
    assert "days of common holdout rows are fewer than 20" in verdict.reason
    assert env.promote(env.ask("second")).verdict.action == "refused"


@pytest.mark.parametrize(
    ("gates", "unit", "least", "most"),
    [
        ({"blocks": "hour"}, "hour", 300, 601),
        ({"blocks": "week", "min_blocks": 5}, "week", 4, 5),
        ({"blocks": "key"}, "key", 1000, 10_000),
        ({"cluster": "port", "min_blocks": 5}, "value of port", 2, 10),
    ],
)
def test_blocks_are_of_what_the_spec_names(
    env: TrainingEnv, gates: dict[str, Any], unit: str, least: int, most: int
) -> None:
    """Times, keys, or the values of a column, which need be no feature."""
    rows = ferry_dataset.crossings(days=70, start=LATER)
    numbers = _judge(env, rows, rows, **gates).numbers
    assert numbers["blocks.unit"] == unit
    assert least <= int(numbers["blocks"] or 0) <= most


def test_rows_held_out_at_random_are_drawn_by_key(env: TrainingEnv) -> None:
    """Their days say nothing about what they share."""
    rows = ferry_dataset.crossings(days=30, start=LATER)
    ferry_dataset.publish(env.tables, rows, labels=rows)
    env.spec = spec(training={"split": "random", "min_rows": 500}, gates=_gates())
    numbers = env.until_gate(env.ask("second")).verdict.numbers
    assert numbers["blocks.unit"] == "key"
    assert numbers["gain.roc_auc.lower"] is not None
