"""Slices: a challenger that is better in all, and worse for some, is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import BlockGains
from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates
from slipway.spec.slices import Slices
from slipway.stages.card.parts_of_rows import part_sections
from slipway.stages.gates.checks.slices import SliceGain, slice_numbers, slices_file
from slipway.stages.gates.gate_numbers import gain_numbers
from slipway.stages.gates.holdout_slices import slices_of
from slipway.stages.gates.slice_figures import SliceFigure, figure_numbers
from slipway.stages.ports.metrics import Gain, Resampling
from slipway.stages.train.gates import gate
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAYS, A_DAY = 40, 100


def _slices(**fields: Any) -> Slices:
    return Slices.model_validate(fields)


def _rows() -> pd.DataFrame:
    random = np.random.default_rng(4)
    count = DAYS * A_DAY
    return pd.DataFrame(
        {
            "port": random.choice(["Kiel", "Oslo", "Riga"], count, p=[0.6, 0.35, 0.05]),
            "wind": np.where(random.random(count) < 0.1, np.nan, random.gamma(2.0, 3.0, count)),
            "empty": np.nan,
        }
    )


def test_values_and_bins_are_slices_and_missing_ones_too() -> None:
    """Bins hold as many rows each; what is too small is no slice."""
    rows = _rows()
    masks = slices_of(rows, _slices(columns=["port", "wind"], min_rows=300))
    names = list(masks)
    assert names[:2] == ["port = Kiel", "port = Oslo"]
    assert names[2] == "wind = (missing)"
    assert len(names) == 3 + 4
    bins = [int(masks[name].sum()) for name in names[3:]]
    assert max(bins) - min(bins) <= 4
    assert sum(bins) == rows["wind"].notna().sum()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"port": "Oslo"}, lambda rows: rows["port"] == "Oslo"),
        ({"port": ["Oslo", "Riga"]}, lambda rows: rows["port"] != "Kiel"),
        ({"wind": {"min": 5.0}}, lambda rows: rows["wind"] >= 5),
        (
            {"wind": {"min": 2.0, "max": 5.0}, "port": "Kiel"},
            lambda rows: rows["wind"].between(2, 5, inclusive="left") & (rows["port"] == "Kiel"),
        ),
    ],
)
def test_a_named_slice_has_the_rows_that_meet_every_condition(
    conditions: dict[str, Any], expected: Any
) -> None:
    """A value, several ones, or a range whose upper end is outside."""
    rows = _rows()
    masks = slices_of(rows, _slices(named={"mine": conditions}, min_rows=20))
    assert masks["mine"].tolist() == expected(rows).tolist()


def _gains(*, worse_in: str | None, seed: int) -> dict[str, Gain | None]:
    """Gains by port of a challenger that errs by less, but in one port by more."""
    random = np.random.default_rng(seed)
    rows = _rows()
    blocks = np.repeat(np.arange(DAYS), A_DAY)
    day = random.normal(0, 0.5, DAYS)[blocks]
    noise = random.normal(0, 1, (2, len(rows)))
    other = day + noise[0]
    scale = np.where(rows["port"] == worse_in, 1.4, 0.6 if worse_in else 1.0)
    challenger = day + noise[1] * scale
    return BlockGains.of_slices(
        "mean_absolute_error",
        actual=pd.Series(np.zeros(len(rows))),
        challenger=challenger,
        other=other,
        slices=slices_of(rows, _slices(columns=["port", "wind"], min_rows=100)),
        resampling=Resampling(
            blocks, DAYS, in_order=True, resamples=500, confidence=0.95, seed=seed
        ),
    )


def test_the_slice_in_which_it_is_worse_is_found() -> None:
    """Its upper bound is below 0, those of the others are not."""
    gains = _gains(worse_in="Oslo", seed=1)
    worse = [name for name, gain in gains.items() if gain is not None and gain.upper < 0]
    assert worse == ["port = Oslo"]


def test_all_slices_together_err_in_the_stated_share() -> None:
    """Of 200 challengers that are worse nowhere, at 5 %, over eight slices of 40 days."""
    found = 0
    for seed in range(200):
        gains = _gains(worse_in=None, seed=seed)
        found += any(gain is not None and gain.upper < 0 for gain in gains.values())
    assert found <= 0.09 * 200


def _judge(slices: list[SliceGain], **fields: Any) -> Verdict:
    good = Gain(0.03, 0.01, 0.05, 0.012, 28.0)
    gates = Gates.model_validate(
        {"metrics": {"roc_auc": {}}, "sanity": False, "slices": {"columns": ["port"], **fields}}
    )
    assert gates.slices is not None
    numbers: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": 4,
        "challenger.roc_auc": 0.73,
        "champion.roc_auc": 0.70,
        "blocks": 28,
        "blocks.unit": "day",
        **gain_numbers("roc_auc", good),
        **slice_numbers(slices, max_loss=gates.slices.max_loss),
    }
    return gate(gates, numbers)


WORSE = SliceGain("port = Oslo", 1204, Gain(-0.03, -0.05, -0.01, 0.01, 28.0))
BETTER = SliceGain("port = Kiel", 3000, Gain(0.05, 0.03, 0.07, 0.01, 28.0))


def test_a_better_challenger_that_is_worse_in_a_slice_is_refused() -> None:
    """The worst slice is shown, with what is allowed."""
    verdict = _judge([BETTER, WORSE])
    assert verdict.action == "refuse"
    assert (
        "in the slice port = Oslo roc_auc is worse than the champion's by 0.0300 (between 0.0100 "
        "and 0.0500, 0 is allowed) on 1,204 rows"
    ) in verdict.reason
    assert verdict.numbers["slices.worse"] == 1


def test_a_loss_that_is_allowed_or_not_shown_passes() -> None:
    """The verdict says how many slices were compared."""
    assert _judge([BETTER, WORSE], max_loss=0.02).action == "promote"
    verdict = _judge([BETTER])
    assert verdict.action == "promote"
    assert "in none of 1 slices it is shown to be worse" in verdict.reason


def test_slices_without_a_gain_decide_nothing() -> None:
    """No verdict comes from a default."""
    assert _judge([]).action == "inconclusive"
    assert _judge([SliceGain("port = Riga", 300, None)]).action == "inconclusive"


def test_the_table_has_the_worst_slice_first() -> None:
    """It is an artifact of the training's run."""
    table = json.loads(slices_file([BETTER, SliceGain("port = Riga", 300, None), WORSE]))
    assert [row["slice"] for row in table["slices"]] == [
        "port = Oslo",
        "port = Kiel",
        "port = Riga",
    ]


def test_evaluation_compares_slices_of_columns_that_are_no_features(tmp_path: Any) -> None:
    """A column of the dataset that the model does not use, such as a sensitive one."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    rows = ferry_dataset.crossings(days=70, start=ferry_dataset.START + 60 * pd.Timedelta(days=1))
    ferry_dataset.publish(env.tables, rows, labels=rows.assign(late=1 - rows["late"]))
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.55}},
        "slices": {"columns": ["port"], "min_rows": 50},
    }
    env.spec = spec(
        training={"holdout_days": 25, "window_days": 40, "min_rows": 500},
        gates=gates,
        features={"numeric": ["wind"]},
    )
    verdict = env.until_gate(env.ask("second")).verdict
    assert verdict.action == "promote", verdict.reason
    assert int(verdict.numbers["slices"] or 0) >= 2
    assert any("slices.json" in run.files for run in env.tracking.runs.values())


def test_a_first_model_tells_its_worst_slice(tmp_path: Any) -> None:
    """With its figure and its rows, in verdict and card; the file has every slice."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    gates = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.55}},
        "slices": {"columns": ["port"], "named": {"nowhere": {"port": "Atlantis"}}, "min_rows": 50},
    }
    env.spec = spec(training={"holdout_days": 25, "min_rows": 500}, gates=gates)
    verdict = env.until_gate(env.ask("first")).verdict
    assert verdict.action == "promote", verdict.reason
    [run] = env.tracking.runs.values()
    table = json.loads(run.files["slices.json"])
    assert table["metric"] == "roc_auc"
    values = [one["value"] for one in table["figures"]]
    assert values == sorted(values)
    worst = table["figures"][0]
    told = (
        f"the worst of {len(values)} slices is {worst['name']}, with roc_auc "
        f"{worst['value']:.4f} on {worst['rows']:,} rows"
    )
    assert told in verdict.reason
    assert "named slices of fewer than 50 rows: nowhere (0)" in verdict.reason
    [section] = part_sections(verdict.numbers, env.spec.gates, kept_in=None)
    assert section.table is not None
    assert [row[:3] for row in section.table.rows] == [
        ["worst figure", worst["name"], f"{worst['rows']:,}"]
    ]


def test_slices_that_are_all_too_small_are_said_to_be() -> None:
    """A first model passes: there is nothing to compare with."""
    gates = Gates.model_validate(
        {"metrics": {"roc_auc": {}}, "sanity": False, "slices": {"columns": ["port"]}}
    )
    numbers: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": None,
        "challenger.roc_auc": 0.73,
        "constant.roc_auc": 0.5,
        **figure_numbers([SliceFigure("port = Riga", 300, None)]),
    }
    verdict = gate(gates, numbers)
    assert verdict.action == "promote"
    assert "no slice has 200 rows on which it can be measured" in verdict.reason
