"""What many challengers that are each a little worse than the champion add up to, by rule.

Each round trains a challenger whose true area under the ROC curve is below the champion's by a
random amount; the gate's own functions judge it on a fresh holdout of 28 days, beside the champion
and beside the first model as anchor. The table has the champion's true area after so many rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from gates import CHAMPION, METRIC, draw_scores, in_days
from harness import Effort, Ratio, run

from slipway.adapters.metrics import BlockGains, measure
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.gate_numbers import gain_numbers
from slipway.stages.ports.metrics import Resampling
from slipway.stages.train.gates import gate

DAYS, ROWS_A_DAY, CORRELATION = 28, 900, 0.3
LATE = 0.21
MEAN_LOSS, SPREAD = 0.004, 0.002
"""A challenger's true area is below the champion's by a normal amount."""

NOT_WORSE: dict[str, Any] = {"compare": "not_worse", "margin": 0.02}
RULES: dict[str, dict[str, Any]] = {
    "point": {"metrics": {METRIC: {"compare": "point", "min_absolute_change": 0.0}}},
    "not_worse": {"metrics": {METRIC: NOT_WORSE}},
    "not_worse_anchor": {"metrics": {METRIC: NOT_WORSE}, "anchor": {"max_loss": 0.02}},
    "better": {"metrics": {METRIC: {"compare": "better"}}},
}

Array = np.ndarray[Any, Any]


def measure_creep(effort: Effort) -> Iterator[Ratio]:
    """Play every rule over the same rounds."""
    seeds = effort.options.seeds or effort.pick(quick=20, full=100)
    rounds = effort.pick(quick=12, full=26)
    if not effort.options.json:
        print(f"{seeds} seeds, {rounds} rounds; champion's true area at the end, the first's: 0.7")
        print(f"{'rule':<18} {'mean':>7} {'worst in 20':>12} {'promoted':>9}")
    with get_context("spawn").Pool(2) as pool:
        for rule in RULES:
            played = pool.starmap(_play, [(rule, seed, rounds) for seed in range(seeds)])
            areas = np.array([area for area, _ in played])
            promoted = float(np.mean([count for _, count in played]))
            worst = float(np.quantile(areas, 0.05))
            if not effort.options.json:
                print(f"{rule:<18} {areas.mean():>7.4f} {worst:>12.4f} {promoted:>9.1f}")
            meaning = f"mean loss of true area after {rounds} rounds of {MEAN_LOSS}, {seeds} seeds"
            yield Ratio(f"lost_{rule}", (CHAMPION - float(areas.mean())) / MEAN_LOSS, meaning)


def _play(rule: str, seed: int, rounds: int) -> tuple[float, int]:
    """Return the champion's true area after some rounds, and how many were promoted."""
    gates = Gates.model_validate(RULES[rule] | {"sanity": False})
    random = np.random.default_rng([seed, rounds])
    champion, promoted = CHAMPION, 0
    for one in range(rounds):
        challenger = champion - random.normal(MEAN_LOSS, SPREAD)
        numbers = _evaluate(gates, champion, challenger, random, seed=one)
        if gate(gates, numbers).action == "promote":
            champion, promoted = challenger, promoted + 1
    return champion, promoted


def _evaluate(
    gates: Gates, champion: float, challenger: float, random: np.random.Generator, *, seed: int
) -> dict[str, Number]:
    """Return the numbers that evaluation hands to the gates, on a fresh holdout."""
    of_day = np.repeat(np.arange(DAYS), random.poisson(ROWS_A_DAY, DAYS))
    labels = (random.random(len(of_day)) < LATE).astype(np.int64)
    row, shift, skill = random.normal(size=len(of_day)), *(_days(random) for _ in range(2))
    scores = {
        who: draw_scores(
            area, labels, of_day, (row, shift, skill), random, days=partial(_days, random)
        )
        for who, area in (
            ("challenger", challenger),
            ("champion", champion),
            ("anchor", CHAMPION),
        )
    }
    actual = pd.Series(labels)
    numbers: dict[str, Number] = {
        "rows": len(labels),
        "champion.version": 2,
        "anchor.version": 1,
        "blocks": DAYS,
        "blocks.unit": "day",
    }
    for who, scored in scores.items():
        numbers[f"{who}.{METRIC}"] = measure([METRIC], actual=actual, scores=scored)[METRIC]
    resampling = Resampling(
        of_day,
        DAYS,
        in_order=True,
        resamples=gates.resamples,
        confidence=gates.confidence,
        seed=seed,
    )
    given: dict[str, Any] = {
        "actual": actual,
        "challenger": scores["challenger"],
        "resampling": resampling,
    }
    gains = BlockGains.of_metrics([METRIC], other=scores["champion"], **given)
    numbers |= gain_numbers(METRIC, gains[METRIC])
    if gates.anchor is not None:
        gain = BlockGains.of_metrics([METRIC], other=scores["anchor"], **given)[METRIC]
        if gain is not None:
            fields = ("value", "lower", "upper", "error")
            numbers |= {f"anchor.gain.{one}": getattr(gain, one) for one in fields}
    return numbers


def _days(random: np.random.Generator) -> Array:
    return in_days(random, days=DAYS, correlation=CORRELATION)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of seeds."""
    parser.add_argument("--seeds", type=int, help="sequences of each rule")


if __name__ == "__main__":
    run("gates_creep", measure_creep, add_options=add_options)
