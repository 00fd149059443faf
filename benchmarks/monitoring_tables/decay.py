"""How often a champion that never changes is called decayed, and how soon a real loss is found.

A champion has a holdout of four weeks, and windows of a month or a week follow it. What a day
brings is shared by its rows and, in part, by the next day's, so months differ in difficulty where
nothing has changed. The table has, by correlation of days, the share of windows without a change
that are called decayed by the figures alone, as before, and with their error; and for a loss of
0.03 in the area under the ROC curve the share of champions for which it is found, by the number of
months since.

Both are measured at a margin of 0, where a window is called decayed that is shown to be worse at
all, and the false ones at 0.01 too; the losses are looked for at 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
import pandas as pd
from gates import CHAMPION, Array, draw_scores, in_days
from harness import Effort, Ratio
from scipy.stats import norm

from slipway.spec.monitoring import Monitoring
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.promise import loss_against_promise, promise_of
from slipway.stages.monitor.windows.window_blocks import divide_window
from slipway.stages.monitor.windows.windows import Unit
from slipway.wiring.gate_tools import gate_tools

RULES = ("figures", "intervals")
METRIC, LOSS = "roc_auc", 0.03
CORRELATIONS = (0.0, 0.3, 0.6)
HOLDOUT_DAYS = 28
DAYS: dict[Unit, int] = {"month": 30, "week": 7}
MONTHS = 3
ROWS_A_DAY = 200
MARGINS = (0.0, 0.01)

Counts = Counter[str]


@dataclass(frozen=True)
class Cell:
    """Champions of one kind."""

    correlation: float
    window: Unit


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure windows called decayed without a change, and those found with a loss."""
    seeds = effort.options.seeds or effort.pick(quick=100, full=1000)
    promised = Monitoring.model_validate(_monitoring("month")).performance.false_alarm_rate
    if not effort.options.json:
        print(f"{seeds} champions a row, promised {promised:.0%}; decayed, in %")
        heads = "".join(f"{f'{name} {one}':>14}" for one in MARGINS for name in RULES)
        print(f"{'window':>6} {'corr':>5}{heads}   loss of {LOSS} found in 1, 2, 3 windows")
    unchanged = total = 0
    with get_context("spawn").Pool(2) as pool:
        for window in DAYS:
            for correlation in CORRELATIONS:
                cell = Cell(correlation, window)
                parts = pool.starmap(_judge, [(cell, range(k, seeds, 2)) for k in range(2)])
                counts = parts[0] + parts[1]
                if not effort.options.json:
                    print(_line(cell, counts, seeds), flush=True)
                if window == "month":
                    unchanged += counts["intervals 0.0"]
                    total += seeds
                    name = f"decay_found_r{correlation * 10:02.0f}"
                    meaning = f"of {seeds} losses of {LOSS}, in the first {MONTHS} months"
                    yield Ratio(name, counts[f"found {MONTHS}"] / seeds, meaning)
    share = unchanged / total
    meaning = f"share of {total} months without a change, at margin 0, promised {promised:.0%}"
    yield Ratio("false_decay", share, meaning)


def _line(cell: Cell, counts: Counts, seeds: int) -> str:
    shares = [counts[f"{name} {margin}"] for margin in MARGINS for name in RULES]
    text = "".join(f"{100 * one / seeds:14.1f}" for one in shares)
    found = [100 * counts[f"found {one + 1}"] / seeds for one in range(MONTHS)]
    shown = "  ".join(f"{one:5.1f}" for one in found)
    return f"{cell.window:>6} {cell.correlation:>5}{text}   {shown}"


def _judge(cell: Cell, seeds: range) -> Counts:
    counts: Counts = Counter()
    for seed in seeds:
        holdout, months = draw_windows(cell, seed, lost=0.0)
        for margin in MARGINS:
            is_decayed, drop = judge(months[0], holdout, cell.window, margin=margin)
            counts[f"intervals {margin}"] += is_decayed
            counts[f"figures {margin}"] += drop > margin
        holdout, months = draw_windows(cell, seed, lost=LOSS)
        found = [judge(one, holdout, cell.window, margin=0.0)[0] for one in months]
        for one in range(MONTHS):
            counts[f"found {one + 1}"] += any(found[: one + 1])
    return counts


def judge(
    rows: JudgedRows, held_out: JudgedRows, window: Unit, *, margin: float
) -> tuple[bool, float]:
    """Return whether the product calls a window decayed, and the drop from the holdout's figure."""
    tools, monitoring = gate_tools(), Monitoring.model_validate(_monitoring(window, margin))
    promise = promise_of(held_out, is_skill=True, window=window, seed=1, tools=tools)
    if promise is None:
        raise SystemExit("a holdout promises nothing")
    blocks = divide_window(rows.times, window=window)
    loss = loss_against_promise(rows, promise, blocks=blocks, seed=1, against="", tools=tools)
    value, before = (
        tools.measure([METRIC], actual=one.truth, scores=one.scores)[METRIC] or 0.0
        for one in (rows, held_out)
    )
    count = len(rows)
    realised = RealisedPerformance(count, count, value, 0.5, loss)
    return judge_performance(realised, monitoring).action == "decayed", before - value


def draw_windows(cell: Cell, seed: int, *, lost: float) -> tuple[JudgedRows, list[JudgedRows]]:
    """Draw a holdout and the windows that follow it, in which the champion has lost some area."""
    random = np.random.default_rng([seed, round(cell.correlation * 100), DAYS[cell.window]])
    days = HOLDOUT_DAYS + MONTHS * DAYS[cell.window]

    def levels() -> Array:
        return in_days(random, days=days, correlation=cell.correlation)

    of_day = np.repeat(np.arange(days), random.poisson(ROWS_A_DAY, days))
    late = norm.cdf(-0.8 + 0.3 * levels())
    labels = (random.random(len(of_day)) < late[of_day]).astype(np.int64)
    shared = (random.normal(size=len(of_day)), levels(), levels())
    state = random.bit_generator.state
    scores = []
    for area in (CHAMPION, CHAMPION - lost):
        # The same noise for both, so that they differ in the area alone.
        random.bit_generator.state = state
        scores.append(draw_scores(area, labels, of_day, shared, random, days=levels))
    before, after = scores
    starts = [0, *(HOLDOUT_DAYS + one * DAYS[cell.window] for one in range(MONTHS)), days]
    every = [
        _judged(labels, before if first == 0 else after, of_day, first, end)
        for first, end in pairwise(starts)
    ]
    return every[0], every[1:]


def _judged(labels: Array, scores: Array, of_day: Array, first: int, end: int) -> JudgedRows:
    inside = (of_day >= first) & (of_day < end)
    days = pd.to_timedelta(of_day[inside], unit="D")
    return JudgedRows.of(
        METRIC,
        times=pd.Series(pd.Timestamp("2025-01-06", tz="UTC") + days),
        truth=pd.Series(labels[inside]),
        scores=norm.cdf(scores[inside]),
        threshold=0.5,
    )


def _monitoring(window: Unit, margin: float = 0.0) -> dict[str, object]:
    performance = {"metric": METRIC, "max_absolute_drop": margin}
    return {"window": window, "min_rows": 100, "performance": performance}
