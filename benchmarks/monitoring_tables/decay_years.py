"""How often a year of windows is called decayed, and how soon, one by one and together.

A champion is compared with a fresh model on the same rows, in each month or week of a year. What a
day brings to either of them is in part the next day's, too. At a margin of 0.01 the champion loses
nothing, just the margin, or more: at once, creeping from 0 up to twice the figure, or from the
middle of the year on.

The table has, by correlation of days, the share of years in which 2 of 3 windows were decayed at
any window, as before; in which consecutive windows were decayed together; and in which either was,
with the mean number of windows until then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pandas as pd
from gates import CHAMPION, SHIFT, SKILL, Array, draw_scores, in_days
from harness import Effort, Ratio
from scipy.stats import norm

from slipway.spec.monitoring import Monitoring
from slipway.stages.monitor.decide.judge_windows import WindowVerdict, add_windows_up, k_of_last_n
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.decay_sequence import most_windows
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.loss import paired_loss
from slipway.stages.monitor.windows.window_blocks import divide_window, resampling
from slipway.stages.monitor.windows.windows import Unit
from slipway.wiring.gate_tools import gate_tools

METRIC, MARGIN = "roc_auc", 0.01
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
LENGTHS: dict[Unit, tuple[int, int]] = {"month": (12, 30), "week": (48, 7)}
"""Windows of a year, and days of each."""

ROWS_A_DAY = 60
RULES = ("k of n", "together", "either")


@dataclass(frozen=True)
class Cell:
    """Years of one kind.

    Attributes:
        window: Length of a window.
        correlation: Of what neighbouring days bring.
        lost: Area that the champion loses.
        course: `at once`, `creeping` or `later`.
    """

    window: Unit
    correlation: float
    lost: float
    course: str = "at once"

    def by_day(self) -> Array:
        """Area that is lost on each day of the year."""
        windows, days = LENGTHS[self.window]
        passed = np.repeat((np.arange(windows) + 0.5) / windows, days)
        shape = {"at once": np.ones_like(passed), "creeping": 2 * passed, "later": passed > 1 / 2}
        return self.lost * shape[self.course]


UNCHANGED, UNCHANGED_WEEKS = (
    [Cell(window, correlation, lost) for correlation in CORRELATIONS for lost in (0.0, MARGIN)]
    for window in LENGTHS
)
LOST = [
    Cell("month", correlation, lost, course)
    for correlation in (0.3, 0.6)
    for lost, course in (
        (0.02, "at once"),
        (0.03, "at once"),
        (0.05, "at once"),
        (0.03, "creeping"),
        (0.03, "later"),
    )
]


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure years without a loss beyond the margin, and those with one."""
    seeds = effort.options.seeds or effort.pick(quick=40, full=400)
    cells = [*UNCHANGED, *LOST, *UNCHANGED_WEEKS]
    if effort.quick:
        cells = [one for one in UNCHANGED if not one.lost]
        cells += [one for one in LOST if one.correlation == CORRELATIONS[1]]
    if not effort.options.json:
        print(f"{seeds} years a row, margin {MARGIN}; found in % of years, windows until found")
        heads = "".join(f"{one:>16}" for one in RULES)
        print(f"{'window':>6} {'corr':>5} {'lost':>5} {'course':>9}{heads}")
    with get_context("spawn").Pool(2) as pool:
        for cell in cells:
            parts = pool.starmap(_judge, [(cell, range(k, seeds, 2)) for k in range(2)])
            counts = parts[0] + parts[1]
            if not effort.options.json:
                print(_line(cell, counts, seeds), flush=True)
            share = counts["together"] / seeds
            if cell.window == "month" and cell.lost == 0:
                name = f"false_decay_together_r{cell.correlation * 10:02.0f}"
                yield Ratio(name, share, f"of {seeds} years without a change, promised 5%")
            elif cell.lost > MARGIN and cell.correlation == CORRELATIONS[1]:
                course = "" if cell.course == "at once" else f"_{cell.course}"
                name = f"decay_together_found_{cell.lost * 100:.0f}{course}"
                yield Ratio(name, share, f"of {seeds} years, day correlation {cell.correlation}")


def _line(cell: Cell, counts: Counter[str], seeds: int) -> str:
    shown = ""
    for rule in RULES:
        found = counts[rule]
        until = f"({counts[f'{rule} until'] / found:.1f})" if found else ""
        shown += f"{100 * found / seeds:9.1f} {until:>6}"
    return f"{cell.window:>6} {cell.correlation:>5} {cell.lost:>5} {cell.course:>9}{shown}"


def _judge(cell: Cell, seeds: range) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        first: dict[str, int] = {}
        verdicts = judge_year(cell, seed)
        for number in range(1, len(verdicts) + 1):
            found = _found(verdicts[:number], _monitoring(cell.window))
            for rule in RULES:
                if found[rule]:
                    first.setdefault(rule, number)
        for rule, number in first.items():
            counts[rule] += 1
            counts[f"{rule} until"] += number
    return counts


def _found(verdicts: list[WindowVerdict], monitoring: Monitoring) -> dict[str, bool]:
    one_by_one = k_of_last_n([one.action for one in verdicts], monitoring.fire, on="decayed")
    together = add_windows_up(verdicts[-most_windows(monitoring.window) :], monitoring)
    is_decay = together is not None and together.is_decay
    return dict(zip(RULES, (one_by_one, is_decay, one_by_one or is_decay), strict=True))


def judge_year(cell: Cell, seed: int) -> list[WindowVerdict]:
    """Return the product's verdicts on the windows of a year."""
    windows, days = LENGTHS[cell.window]
    random = np.random.default_rng([seed, round(cell.correlation * 100), days])

    def levels() -> Array:
        return in_days(random, days=windows * days, correlation=cell.correlation)

    of_day = np.repeat(np.arange(windows * days), random.poisson(ROWS_A_DAY, windows * days))
    late = norm.cdf(-0.8 + 0.3 * levels())
    labels = (random.random(len(of_day)) < late[of_day]).astype(np.int64)
    shared = (random.normal(size=len(of_day)), levels(), levels())
    fresh, champion = (
        draw_scores(CHAMPION, labels, of_day, shared, random, days=levels) for _ in range(2)
    )
    # The same draws for every loss: only the distance of the classes is another one.
    nearer = norm.ppf(CHAMPION) - norm.ppf(CHAMPION - cell.by_day())
    champion = champion - labels * (nearer * (2 + SKILL**2 + 2 * SHIFT**2) ** 0.5)[of_day]
    return [
        _judge_window(
            *(_rows(of_day, labels, scores, number, days) for scores in (champion, fresh)),
            number=number,
            window=cell.window,
        )
        for number in range(windows)
    ]


def _judge_window(
    ours: JudgedRows, theirs: JudgedRows, *, number: int, window: Unit
) -> WindowVerdict:
    tools, blocks = gate_tools(), divide_window(ours.times, window=window).own
    value, expected = (
        tools.measure([METRIC], actual=one.truth, scores=one.scores)[METRIC] or 0.0
        for one in (ours, theirs)
    )
    gain = tools.gains.of_metrics(
        [METRIC],
        actual=ours.truth,
        challenger=ours.scores,
        other=theirs.scores,
        resampling=resampling(blocks, confidence=0.95, seed=number),
    )[METRIC]
    if gain is None:
        raise SystemExit("two models cannot be compared")
    loss = paired_loss(gain, expected=expected, blocks=blocks.found, unit="day", against="")
    realised = RealisedPerformance(len(ours), len(ours), value, 0.5, loss)
    verdict = judge_performance(realised, _monitoring(window))
    return WindowVerdict(f"{number:02d}", verdict.action, verdict.reason, "", verdict.numbers)


def _rows(of_day: Array, labels: Array, scores: Array, number: int, days: int) -> JudgedRows:
    inside = of_day // days == number
    times = pd.Timestamp("2025-01-06", tz="UTC") + pd.to_timedelta(of_day[inside], unit="D")
    return JudgedRows.of(
        METRIC,
        times=pd.Series(times),
        truth=pd.Series(labels[inside]),
        scores=norm.cdf(scores[inside]),
        threshold=0.5,
    )


def _monitoring(window: Unit) -> Monitoring:
    performance = {"metric": METRIC, "max_absolute_drop": MARGIN, "comparator": "fresh"}
    return Monitoring.model_validate(
        {"window": window, "min_rows": 100, "performance": performance}
    )
