"""Fairness: groups that are treated unequally refuse a challenger, few rows by chance do not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn_metrics

from slipway.adapters.metrics.fairness import measure_fairness
from slipway.records.verdicts import Number, Verdict
from slipway.spec import ModelSpec
from slipway.spec.fairness import FAIRNESS_METRICS, Fairness
from slipway.spec.gates import Gates
from slipway.spec.warnings import model_warnings
from slipway.stages.gates.checks.fairness import FILE, fairness_numbers, limits_digest
from slipway.stages.gates.holdout_groups import groups_of
from slipway.stages.ports.fairness import Disparity, Groups
from slipway.stages.ports.metrics import Resampling
from slipway.stages.train.gates import gate
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAYS, A_DAY = 30, 60


def _resampling(count: int, *, seed: int = 1, draws: int = 400) -> Resampling:
    blocks = np.arange(count) * DAYS // count
    return Resampling(blocks, DAYS, in_order=True, resamples=draws, confidence=0.95, seed=seed)


def _measured(
    limits: dict[str, float | None],
    *,
    codes: np.ndarray[Any, Any],
    names: tuple[str, ...],
    labels: np.ndarray[Any, Any],
    predicted: np.ndarray[Any, Any],
    other: np.ndarray[Any, Any] | None = None,
    seed: int = 1,
    min_rows: int = 30,
) -> list[Disparity]:
    return measure_fairness(
        limits,
        groups=[Groups("sex", names, codes)],
        actual=labels,
        challenger=predicted,
        other=other,
        min_rows=min_rows,
        resampling=_resampling(len(labels), seed=seed),
    )


@pytest.mark.parametrize("name", FAIRNESS_METRICS)
def test_a_metric_is_fairlearns_and_its_rates_say_the_same(name: str) -> None:
    """The rates by block, of which the error is made, give the very metric."""
    random = np.random.default_rng(3)
    row = FAIRNESS_METRICS[name]
    codes = random.integers(0, 3, 2_000)
    labels = random.integers(0, 2, 2_000)
    predicted = ((random.random(2_000) + 0.2 * codes + 0.5 * labels) > 0.9).astype(int)
    if row.tasks == ("regression",):
        labels, predicted = random.normal(codes, 1), random.normal(codes, 2)
    [found] = _measured(
        {name: 0.5}, codes=codes, names=("a", "b", "c"), labels=labels, predicted=predicted
    )
    by_rate = [[rates[one] for rates in found.rates.values()] for one in row.rates]
    gaps = [min(one) / max(one) if row.is_ratio else max(one) - min(one) for one in by_rate]
    assert found.value == pytest.approx(min(gaps) if row.is_ratio else max(gaps))
    own = getattr(fairlearn_metrics, name, None)
    if own is not None:
        assert found.value == pytest.approx(own(labels, predicted, sensitive_features=codes))


def _population(seed: int, *, rare: float, gap: float) -> dict[str, Any]:
    """Rows of two groups, of which one is rare, that share what their day brought."""
    random = np.random.default_rng(seed)
    count = DAYS * A_DAY
    codes = (random.random(count) < rare).astype(int)
    day = np.repeat(random.normal(0, 0.08, DAYS), A_DAY)
    chance = np.clip(0.4 + day + gap * codes, 0.02, 0.98)
    predicted = (random.random(count) < chance).astype(int)
    labels = random.integers(0, 2, count)
    return {"codes": codes, "names": ("m", "f"), "labels": labels, "predicted": predicted}


def test_a_rare_group_that_is_treated_alike_is_rarely_refused() -> None:
    """Of 200 fair models at a limit of 0, with some 40 rows in a group, at most 1 in 10 is."""
    refused = points = 0
    for seed in range(200):
        [found] = _measured(
            {"demographic_parity_difference": 0.0},
            **_population(seed, rare=0.025, gap=0.0),
            seed=seed,
            min_rows=20,
        )
        assert found.excess is not None
        refused += found.excess.lower > 0
        points += (found.value or 0.0) > 0.05
    assert refused <= 20
    assert points > 80


def test_a_gap_is_found_and_named() -> None:
    """The pair has the smaller rate first."""
    found = [
        _measured(
            {"demographic_parity_difference": 0.1, "demographic_parity_ratio": 0.8},
            **_population(seed, rare=0.4, gap=0.25),
        )
        for seed in range(10)
    ]
    assert all(one.excess is not None and one.excess.lower > 0 for both in found for one in both)
    assert {one.pair for both in found for one in both} == {("m", "f")}


def test_a_champion_that_is_as_unequal_is_told_from_one_that_is_not() -> None:
    """The increase is paired: both models are asked about the same rows."""
    unequal = _population(5, rare=0.4, gap=0.25)
    fair = _population(6, rare=0.4, gap=0.0)["predicted"]
    limits: dict[str, float | None] = {"demographic_parity_difference": None}
    [same] = _measured(limits, **unequal, other=unequal["predicted"])
    [more] = _measured(limits, **unequal, other=fair)
    assert same.increase is not None
    assert more.increase is not None
    assert (same.increase.value, same.increase.lower) == (0.0, 0.0)
    assert more.increase.lower > 0
    assert more.excess is None
    assert more.pair == ("m", "f")


def test_groups_without_enough_rows_that_count_are_not_compared() -> None:
    """Of a rate among positives the positive ones count; of one group nothing is known."""
    rows = _population(7, rare=0.3, gap=0.0)
    rows["labels"] = np.where(rows["codes"] == 1, 0, rows["labels"])
    by_all, by_positives = _measured(
        {"demographic_parity_difference": 0.1, "equal_opportunity_difference": 0.1}, **rows
    )
    assert by_all.value is not None
    assert (by_positives.value, by_positives.excess) == (None, None)
    assert set(by_positives.rows) == {"m", "f"}


def test_columns_and_their_intersections_divide_the_rows() -> None:
    """Numbers in bins; a row without a value is in no group."""
    rows = pd.DataFrame({"sex": ["f", "m", None, "f"] * 50, "age": np.arange(200) % 80})
    fairness = _fairness(columns=["sex", "age"], intersections=True, bins=2)
    by_sex, by_age, by_both = groups_of(rows, fairness)
    assert by_sex.names == ["sex = f", "sex = m"]
    assert (by_sex.codes == -1).sum() == 50
    assert by_both.by == "sex and age"
    assert len(by_age.names) == 2
    assert len(by_both.names) == 4
    first = by_both.names.index(f"sex = m, {by_age.names[0]}")
    assert (by_both.codes == first).sum() == ((rows["sex"] == "m") & (by_age.codes == 0)).sum()


def _fairness(**fields: Any) -> Fairness:
    metrics = {"demographic_parity_difference": 0.1}
    return Fairness.model_validate({"columns": ["sex"], "metrics": metrics} | fields)


def _judge(found: list[Disparity], fairness: Fairness, **more: Number) -> Verdict:
    metrics = {"roc_auc": {"threshold": 0.6}}
    fields = {"metrics": metrics, "sanity": False, "fairness": fairness.model_dump()}
    gates = Gates.model_validate(fields)
    numbers: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": None,
        "challenger.roc_auc": 0.73,
        "constant.roc_auc": 0.5,
        "fairness.blocks": 28,
        "fairness.limits": limits_digest(fairness),
        **fairness_numbers(found, fairness),
    }
    return gate(gates, numbers | more)


def test_what_is_not_known_never_passes() -> None:
    """No division with two groups, no measurement, other limits, or too few blocks."""
    fairness = _fairness()
    [found] = _measured({"demographic_parity_difference": 0.1}, **_population(8, rare=0.3, gap=0.0))
    assert _judge([found], fairness).action == "promote"
    unknown = replace(found, value=None, excess=None, rates={})
    verdict = _judge([found, unknown], fairness)
    assert verdict.action == "inconclusive"
    assert "cannot be computed: demographic_parity_difference by sex" in verdict.reason
    assert _judge([], fairness).action == "inconclusive"
    assert _judge([found], fairness, **{"fairness.limits": "other"}).action == "inconclusive"
    few = _judge([found], fairness, **{"fairness.blocks": 12})
    assert few.action == "inconclusive"
    assert "fairness needs 20 blocks of holdout rows, found 12" in few.reason


def _env(tmp_path: Path, *, bias: float) -> TrainingEnv:
    """Crossings of which those from one port were late more often than their wind says."""
    env = TrainingEnv.in_memory(tmp_path)
    rows = ferry_dataset.crossings(days=60)
    random = np.random.default_rng(9)
    pushed = (rows["port"] == "Oban") & (random.random(len(rows)) < bias)
    env.land(rows.assign(late=rows["late"].where(~pushed, 1)))
    return env


@pytest.mark.parametrize(("bias", "action"), [(0.0, "promote"), (0.6, "refuse")])
def test_a_fitted_model_that_selects_one_group_is_refused_and_a_fair_one_passes(
    bias: float, action: str, tmp_path: Path
) -> None:
    """A model that learnt that one port is late; the run has the table, the verdict the gap."""
    env = _env(tmp_path, bias=bias)
    env.spec = _asking({"demographic_parity_difference": 0.2})
    verdict = env.until_gate(env.ask()).verdict
    assert verdict.action == action, verdict.reason
    [run] = env.tracking.runs.values()
    assert json.loads(run.files[FILE])["disparities"][0]["by"] == "port"
    assert ("demographic_parity_difference by port" in verdict.reason) == bool(bias)
    if bias:
        assert "against port = Oban; at most 0.2 is allowed), shown to be beyond" in verdict.reason


def test_a_challenger_that_is_more_unequal_than_the_champion_is_refused(tmp_path: Path) -> None:
    """The champion did not see the port; the column needs not be a feature of either."""
    env = _env(tmp_path, bias=0.6)
    env.spec = spec(features={"numeric": ["wind"]})
    env.champion()
    env.spec = _asking({"demographic_parity_difference": None}, split="random")
    rows = ferry_dataset.crossings(days=85, seed=3)
    pushed = rows["port"] == "Oban"
    labels = rows.assign(late=rows["late"].where(~pushed, 1))
    ferry_dataset.publish(env.tables, rows, labels=labels)
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == "refuse", verdict.reason
    assert "worse than the champion's" in verdict.reason


def _asking(metrics: dict[str, float | None], *, split: str = "time") -> ModelSpec:
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.55, "compare": "point"}},
        "fairness": {"columns": ["port"], "metrics": metrics, "min_rows": 50},
    }
    training = {"holdout_days": 25, "min_rows": 500, "split": split}
    return spec(training=training, gates=gates)


def test_check_warns_of_a_holdout_that_can_never_tell() -> None:
    """Fewer days than blocks."""
    asking = _asking({"demographic_parity_difference": 0.1})
    assert list(model_warnings(asking, None)) == []
    short = asking.model_copy(
        update={"training": asking.training.model_copy(update={"holdout_days": 10})}
    )
    assert "no model can ever pass" in next(model_warnings(short, None))


def test_a_gate_that_is_off_imports_no_fairlearn(tmp_path: Path) -> None:
    """Nothing is measured and nothing is told."""
    env = _env(tmp_path, bias=0.0)
    numbers = env.until_gate(env.ask()).verdict.numbers
    assert not [name for name in numbers if name.startswith("fairness")]
