"""Robustness: what changed inputs cost is judged by a limit, and beside the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Number, Verdict
from slipway.spec import ModelSpec
from slipway.spec.gates import Gates
from slipway.stages.gates.changed_rows import UNSEEN, Rows
from slipway.stages.ports.metrics import Resampling
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAYS = 90
ALL = {"noise": 0.2, "missing": 0.1, "extremes": 0.1, "unseen": 0.2}
FOREST = {
    "name": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 60, "min_samples_leaf": 40},
}
LINE = {"name": "sklearn.linear_model.LogisticRegression", "params": {}}


def _spec(estimator: dict[str, Any], **robustness: float) -> ModelSpec:
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"log_loss": {"compare": "not_worse", "margin": 0.2}},
        "robustness": robustness,
    }
    training = {"holdout_days": 30, "min_rows": 500}
    return spec(gates=gates, training=training, estimator=estimator)


def _env(folder: Path) -> TrainingEnv:
    env = TrainingEnv.in_memory(folder)
    env.land(ferry_dataset.crossings(days=DAYS))
    return env


def test_a_model_that_bears_changed_inputs_passes_and_one_that_does_not_is_refused(
    tmp_path: Path,
) -> None:
    """A line follows a number far outside, and is sure of what is wrong; trees stop at the edge."""
    env = _env(tmp_path)
    env.spec = _spec(FOREST, **ALL, max_drop=0.1)
    passed = env.until_gate(env.ask("forest")).verdict
    assert passed.action == "promote", passed.reason
    assert "changed inputs cost at most" in passed.reason
    env.spec = _spec(LINE, **ALL, max_drop=0.1)
    refused = env.until_gate(env.ask("line")).verdict
    assert refused.action == "refuse"
    assert "with 10% of the numbers far outside log_loss is worse by" in refused.reason
    assert "(0.1 is allowed by `gates.robustness.max_drop`)" in refused.reason
    for kind, size in ALL.items():
        assert refused.numbers[f"robustness.{kind}.size"] == size
        assert isinstance(refused.numbers[f"robustness.{kind}.value"], float)


def _beside_a_champion(folder: Path, champion: Any, challenger: Any) -> Verdict:
    env = _env(folder)
    env.spec = _spec(champion, **ALL)
    env.champion()
    env.spec = _spec(challenger, **ALL)
    return env.until_gate(env.ask("second")).verdict


def test_beside_a_champion_a_challenger_is_compared_on_the_same_changed_rows(
    tmp_path: Path,
) -> None:
    """A line after a forest is refused where it is shown to be worse; another forest is not."""
    worse = _beside_a_champion(tmp_path / "worse", FOREST, LINE)
    assert worse.action == "refuse", worse.reason
    assert "with 10% of the numbers far outside log_loss is worse than the champion's by" in (
        worse.reason
    )
    assert "noise" not in worse.reason
    other = {**FOREST, "params": {"n_estimators": 80, "min_samples_leaf": 40}}
    same = _beside_a_champion(tmp_path / "same", FOREST, other)
    assert same.action == "promote", same.reason


def test_what_no_column_takes_decides_nothing(tmp_path: Path) -> None:
    """A model without categories cannot be asked about an unseen one."""
    env = _env(tmp_path)
    value = _spec(LINE, unseen=0.2, max_drop=0.5).model_dump()
    env.spec = ModelSpec.model_validate(value | {"features": {"numeric": ["wind"]}})
    verdict = env.until_gate(env.ask()).verdict
    assert verdict.action == "inconclusive"
    assert "what 20% of the categories unseen before costs was not measured" in verdict.reason


def test_numbers_of_another_size_decide_nothing() -> None:
    """As of an imported version, whose source changed its rows by less."""
    gates = Gates.model_validate(
        {"metrics": {"roc_auc": {}}, "sanity": False, "robustness": {"noise": 0.2, "max_drop": 0.1}}
    )
    numbers: dict[str, Number] = {"rows": 900, "champion.version": None}
    numbers |= {"challenger.roc_auc": 0.7, "constant.roc_auc": 0.5}
    known: dict[str, Number] = {"robustness.noise.value": 0.68, "robustness.noise.size": 0.2}
    assert gate(gates, numbers | known).action == "promote"
    assert gate(gates, numbers | known | {"robustness.noise.size": 0.1}).action == "inconclusive"
    assert gate(gates, numbers).action == "inconclusive"


COLUMNS = (
    RawColumn("wind", "number", required=False, type="number"),
    RawColumn("cars", "number", required=True, type="integer"),
    RawColumn("port", "string", required=False, type="string"),
    RawColumn("pier", "string", required=False, type="integer"),
    RawColumn("open", "string", required=False, type="boolean"),
)


def _rows(count: int = 1000) -> Rows:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "wind": np.where(random.random(count) < 0.2, np.nan, random.normal(10, 2, count)),
            "cars": pd.array(random.integers(0, 50, count), dtype="Int64"),
            "port": pd.array(random.choice(["Oban", "Ullapool"], count), dtype="string"),
            "pier": pd.array(random.integers(1, 4, count), dtype="Int64"),
            "open": pd.array(random.random(count) < 0.5, dtype="boolean"),
        }
    )
    return Rows(frame.head(count // 2), frame.tail(count // 2), COLUMNS, seed=7)


@pytest.mark.parametrize(
    ("kind", "size", "takes"),
    [
        ("noise", 0.1, {"wind", "cars"}),
        ("missing", 0.3, {"wind", "port", "pier", "open"}),
        ("extremes", 0.2, {"wind", "cars"}),
        ("unseen", 0.2, {"port", "pier"}),
    ],
)
def test_each_kind_changes_the_columns_that_can_take_it(
    kind: str, size: float, takes: set[str]
) -> None:
    """Types stay, a required column is never missing, and the same seed gives the same rows."""
    rows = _rows()
    changed, again = rows.changed(kind, size), rows.changed(kind, size)
    assert changed is not None
    pd.testing.assert_frame_equal(changed, again)
    differs = {name for name in changed if not changed[name].equals(rows.holdout[name])}
    assert {name for name in differs if (changed[name] != rows.holdout[name]).any()} <= takes
    assert takes <= differs
    assert changed["cars"].notna().all()
    assert str(changed["cars"].dtype) == "Int64"


def test_extreme_values_and_unseen_categories_are_none_of_the_training() -> None:
    """Ten half-widths from the middle, and one more than the greatest."""
    rows = _rows()
    far, new = rows.changed("extremes", 0.2), rows.changed("unseen", 0.2)
    assert far is not None
    assert new is not None
    reach = rows.training["wind"].max() - rows.training["wind"].min()
    assert far["wind"].max() > rows.training["wind"].max() + 4 * reach
    assert far["wind"].min() < rows.training["wind"].min() - 4 * reach
    assert (new["port"] == UNSEEN).mean() == pytest.approx(0.2, abs=0.06)
    assert (new["pier"] == 4).any()


def test_a_hundred_thousand_rows_have_a_gain_for_each_change() -> None:
    """Four changes, both models' scores of each, and 2,000 draws of 28 days."""
    count, kinds = 100_000, 4
    random = np.random.default_rng(3)
    actual = pd.Series(random.integers(0, 2, count))
    scores = [np.clip(actual * 0.2 + random.random(count) * 0.8, 0, 1) for _ in range(2)]
    blocks = np.arange(count) * 28 // count
    resampling = Resampling(blocks, 28, in_order=True, resamples=2000, confidence=0.95, seed=1)
    gains = gate_tools().gains.of_slices(
        "roc_auc",
        actual=pd.concat([actual] * kinds, ignore_index=True),
        challenger=np.tile(scores[0], kinds),
        other=np.tile(scores[1], kinds),
        slices={str(kind): np.repeat(np.arange(kinds), count) == kind for kind in range(kinds)},
        resampling=resampling.repeated(kinds),
    )
    assert all(gain is not None for gain in gains.values())
