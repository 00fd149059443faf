"""How often each rule of a gate promotes a challenger whose true difference is known.

The gate's own functions judge made-up holdouts of some 900 rows a day. What a day brings is shared
by its rows and, in part, by the next day's: the base rate, a shift of all scores, and how well each
model does. The difference between the models is that of their areas under the ROC curve over all
days; its noise is that of two models of flights, whose figures on 14 days differ by some 0.012.

The table has, by days of holdout, correlation of neighbouring days, true difference and rule, the
share of challengers that is promoted, refused and inconclusive.

Source of the rows' model: the binormal ROC curve, Pepe 2003, The Statistical Evaluation of Medical
Tests, 4.4.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio, run
from scipy.stats import norm

from slipway.adapters.metrics import BlockGains, measure
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.gate_numbers import gain_numbers
from slipway.stages.ports.metrics import Resampling
from slipway.stages.train.gates import gate

METRIC = "roc_auc"
RULES: dict[str, dict[str, Any]] = {
    "point": {"compare": "point", "min_absolute_change": 0.0},
    "better": {"compare": "better"},
    "not_worse": {"compare": "not_worse", "margin": 0.01},
    "expected": {
        "compare": "expected_gain",
        "cost_of_change": 0.002,
        "prior": {"mean": 0.0, "deviation": 0.01},
    },
}
DEFAULT = "better"
DIFFERENCES = {
    "worse_010": -0.010,
    "worse_005": -0.005,
    "equal": 0.0,
    "better_010": 0.010,
    "better_020": 0.020,
}
ROWS_A_DAY = 900
CHAMPION = 0.70
SHIFT, SKILL, OWN = 0.25, 0.09, 0.5
"""Deviation of a day's shift of all scores and of its skill, and the share that each model has
for itself."""
ROW_SHARED = 0.9
"""Share of a row's noise that both models have in common."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Cell:
    """Holdouts of one kind.

    Attributes:
        days: Days of each.
        correlation: Of what neighbouring days bring.
        name: Name of the true difference.
    """

    days: int
    correlation: float
    name: str


@dataclass(frozen=True)
class Holdout:
    """Labels, and scores of both models, with the day of each row."""

    labels: Array
    champion: Array
    challenger: Array
    days: Array


def measure_rules(effort: Effort) -> Iterator[Ratio]:
    """Measure every cell; the figures of 28 days at a correlation of 0.3 are the ratios."""
    seeds = effort.options.seeds or effort.pick(quick=300, full=2000)
    lengths = effort.options.days or ((28,) if effort.quick else (14, 28, 56))
    correlations = effort.options.correlations or ((0.3,) if effort.quick else (0.0, 0.3, 0.6))
    cells = [
        Cell(days, correlation, name)
        for days in lengths
        for correlation in correlations
        for name in DIFFERENCES
    ]
    if not effort.options.json:
        print(f"{seeds} seeds a cell; promoted / refused / inconclusive, in %")
        print(f"{'days':>4} {'corr':>5} {'true':>7}  " + "  ".join(f"{r:^17}" for r in RULES))
    began, judged = time.perf_counter(), 0
    with get_context("spawn").Pool(2) as pool:
        for cell in cells:
            parts = pool.starmap(_judge, [(cell, range(k, seeds, 2)) for k in range(2)])
            counts = {rule: parts[0][rule] + parts[1][rule] for rule in RULES}
            judged += seeds
            if not effort.options.json:
                print(_line(cell, counts, seeds), flush=True)
            if (cell.days, cell.correlation) == (28, 0.3):
                value = counts[DEFAULT]["promote"] / seeds
                meaning = f"`{DEFAULT}`, 28 days, {DIFFERENCES[cell.name]:+.3f}, {seeds} seeds"
                yield Ratio(f"promoted_{cell.name}", value, meaning)
                value = counts["point"]["promote"] / seeds
                yield Ratio(f"point_promoted_{cell.name}", value, meaning.replace(DEFAULT, "point"))
    if not effort.options.json:
        print(f"{(time.perf_counter() - began) / judged:.3f} s a holdout and process pair")


def _line(cell: Cell, counts: dict[str, Counter[str]], seeds: int) -> str:
    shares = [
        " / ".join(
            f"{100 * counts[rule][action] / seeds:4.1f}"
            for action in ("promote", "refuse", "inconclusive")
        )
        for rule in RULES
    ]
    true = DIFFERENCES[cell.name]
    return f"{cell.days:>4} {cell.correlation:>5} {true:>+7.3f}  " + "   ".join(shares)


def _judge(cell: Cell, seeds: range) -> dict[str, Counter[str]]:
    """Count what each rule decides on one holdout a seed."""
    counts: dict[str, Counter[str]] = {rule: Counter() for rule in RULES}
    for seed in seeds:
        numbers = _evaluate(draw_holdout(cell, seed), cell.days, seed)
        for rule, bar in RULES.items():
            gates = Gates.model_validate({"metrics": {METRIC: bar}, "sanity": False})
            counts[rule][gate(gates, numbers).action] += 1
    return counts


def _evaluate(holdout: Holdout, days: int, seed: int) -> dict[str, Number]:
    """Return the numbers that evaluation hands to the gates."""
    gates = Gates.model_validate({"metrics": {METRIC: RULES[DEFAULT]}, "sanity": False})
    actual = pd.Series(holdout.labels)
    numbers: dict[str, Number] = {
        "rows": len(actual),
        "champion.version": 1,
        "blocks": days,
        "blocks.unit": "day",
    }
    for who, scores in (("champion", holdout.champion), ("challenger", holdout.challenger)):
        numbers[f"{who}.{METRIC}"] = measure([METRIC], actual=actual, scores=scores)[METRIC]
    gains = BlockGains.of_metrics(
        [METRIC],
        actual=actual,
        challenger=holdout.challenger,
        other=holdout.champion,
        resampling=Resampling(
            holdout.days,
            days,
            in_order=True,
            resamples=gates.resamples,
            confidence=gates.confidence,
            seed=seed,
        ),
    )
    return numbers | gain_numbers(METRIC, gains[METRIC])


def draw_holdout(cell: Cell, seed: int) -> Holdout:
    """Draw a holdout; the same seed has the same days and rows for every difference."""
    random = np.random.default_rng([seed, cell.days, round(cell.correlation * 100)])

    def days() -> Array:
        return in_days(random, days=cell.days, correlation=cell.correlation)

    of_day = np.repeat(np.arange(cell.days), random.poisson(ROWS_A_DAY, cell.days))
    late = norm.cdf(-0.8 + 0.3 * days())
    labels = (random.random(len(of_day)) < late[of_day]).astype(np.int64)
    row, shift, skill = random.normal(size=len(of_day)), days(), days()
    scores = [
        draw_scores(area, labels, of_day, (row, shift, skill), random, days=days)
        for area in (CHAMPION, CHAMPION + DIFFERENCES[cell.name])
    ]
    return Holdout(labels, scores[0], scores[1], of_day)


def draw_scores(
    area: float,
    labels: Array,
    of_day: Array,
    shared: tuple[Array, Array, Array],
    random: np.random.Generator,
    *,
    days: Callable[[], Array],
) -> Array:
    """Draw the scores of a model with a true area under the curve over all days.

    Args:
        area: Its area.
        labels: Of shape (n_rows,).
        of_day: Day of each row.
        shared: What all models have in common: by row, and a shift and a skill by day.
        random: Source of what it has for itself.
        days: Draws what each day brings.
    """
    row, shift, skill = shared
    noise = ROW_SHARED**0.5 * row + (1 - ROW_SHARED) ** 0.5 * random.normal(size=len(of_day))
    own_shift = SHIFT * ((1 - OWN) ** 0.5 * shift + OWN**0.5 * days())
    own_skill = SKILL * ((1 - OWN) ** 0.5 * skill + OWN**0.5 * days())
    distance = norm.ppf(area) * (2 + SKILL**2 + 2 * SHIFT**2) ** 0.5
    scores: Array = noise + own_shift[of_day] + labels * (distance + own_skill[of_day])
    return scores


def in_days(random: np.random.Generator, *, days: int, correlation: float) -> Array:
    """Draw what each of some days brings, correlated with the day before; standard normal."""
    steps = random.normal(size=days)
    values = np.empty(days)
    values[0] = steps[0]
    fresh = (1 - correlation**2) ** 0.5
    for day in range(1, days):
        values[day] = correlation * values[day - 1] + fresh * steps[day]
    return values


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of seeds, and which cells are measured."""
    parser.add_argument("--seeds", type=int, help="holdouts of each cell")
    parser.add_argument("--days", type=int, nargs="+", help="lengths of the holdout")
    parser.add_argument(
        "--correlations", type=float, nargs="+", help="of what neighbouring days bring"
    )


if __name__ == "__main__":
    run("gates", measure_rules, add_options=add_options)
