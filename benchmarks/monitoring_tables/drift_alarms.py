"""How often windows without a change alarm, by correlation of days, and how often a shift does.

A champion's reference has 180 days, and the next eight weeks are judged. The table has the share of
windows that alarm and that are only observed, and the share that alarm once all values of one
numeric column have moved by one standard deviation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from harness import Effort, Ratio

from monitoring_tables.history import draw_history
from monitoring_tables.watched_model import (
    WINDOW_DAYS,
    judge_window,
    learn_reference,
    watched_model,
)

CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
REFERENCE_DAYS, WEEKS = 180, 8
SHIFTED_WEEKS = (0, WEEKS - 1)
SHIFTED_AT = (0.0, 0.3, 0.6)
"""Correlations over which the ratio of shifts that are found is taken: at 0.9 most columns are only
observed, shifted or not."""

Counts = Counter[str]


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure false alarms over the promise, and the share of shifts that is found."""
    seeds = effort.options.seeds or effort.pick(quick=60, full=1000)
    promised = watched_model().monitoring.drift.false_alarm_rate
    if not effort.options.json:
        print(f"{seeds} references of {REFERENCE_DAYS} days a row; promised {promised:.1%}; in %")
        print(f"{'corr':>5} {'alarms':>7} {'observed':>9} {'shift found':>12} {'observed':>9}")
    found: Counts = Counter()
    with get_context("spawn").Pool(2) as pool:
        for correlation in CORRELATIONS:
            parts = pool.starmap(_judge, [(correlation, range(k, seeds, 2)) for k in range(2)])
            counts = parts[0] + parts[1]
            if correlation in SHIFTED_AT:
                found += counts
            if not effort.options.json:
                print(_line(correlation, counts, seeds), flush=True)
            windows = seeds * WEEKS
            share = counts["alarm"] / windows
            meaning = f"{share:.2%} of {windows} windows, promised {promised:.1%}"
            yield Ratio(f"false_alarms_r{correlation * 10:02.0f}", share / promised, meaning)
    shifts = seeds * len(SHIFTED_WEEKS) * len(SHIFTED_AT)
    meaning = f"of {shifts} shifts of one column by its standard deviation"
    yield Ratio("detected_shift_1sd", found["shift alarm"] / shifts, meaning)


def _line(correlation: float, counts: Counts, seeds: int) -> str:
    shares = [
        100 * counts[name + action] / (seeds * windows)
        for name, windows in (("", WEEKS), ("shift ", len(SHIFTED_WEEKS)))
        for action in ("alarm", "observed")
    ]
    return (
        f"{correlation:>5} {shares[0]:>7.2f} {shares[1]:>9.1f} {shares[2]:>12.1f} {shares[3]:>9.1f}"
    )


def _judge(correlation: float, seeds: range) -> Counts:
    """Count the verdicts on the windows after each reference, as they are and with a shift."""
    counts: Counts = Counter()
    spec = watched_model()
    for seed in seeds:
        days = REFERENCE_DAYS + WEEKS * WINDOW_DAYS
        history = draw_history(seed, days=days, correlation=correlation)
        known = learn_reference(spec, history, days=REFERENCE_DAYS)
        deviation = float(known.rows["n0"].std())
        for week in range(WEEKS):
            first = REFERENCE_DAYS + WINDOW_DAYS * week
            window = history.part(first, first + WINDOW_DAYS)
            cases = {"": window}
            if week in SHIFTED_WEEKS:
                cases["shift "] = window.assign(n0=window["n0"] + deviation)
            for name, rows in cases.items():
                verdict = judge_window(spec, rows, known)
                counts[name + "alarm"] += verdict.action == "drifting"
                counts[name + "observed"] += verdict.action == "inconclusive"
    return counts
