"""How often a champion that never changes files a request for drift, over years of windows.

Each champion has a reference of 180 days and 500 weekly windows after it, in which nothing changes.
The product's rule, k of the last n windows and the newest, decides after each. The table has, by
correlation of days, the share of windows that alarm and of stretches of 50 windows with a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from harness import Effort, Ratio

from monitoring_tables.drift_alarms import CORRELATIONS, REFERENCE_DAYS
from monitoring_tables.history import draw_history
from monitoring_tables.watched_model import (
    WINDOW_DAYS,
    judge_window,
    learn_reference,
    watched_model,
)
from slipway.stages.monitor.decide.judge_windows import k_of_last_n

STRETCH = 50

Counts = Counter[str]


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure requests without a reason."""
    seeds = effort.options.seeds or effort.pick(quick=4, full=24)
    windows = effort.pick(quick=2 * STRETCH, full=10 * STRETCH)
    promised = watched_model().monitoring.drift.false_alarm_rate
    if not effort.options.json:
        print(f"{seeds} champions of {windows} windows a row; in %")
        print(f"{'corr':>5} {'alarms':>7} {'observed':>9} {'stretches with a request':>25}")
    with get_context("spawn").Pool(2) as pool:
        for correlation in CORRELATIONS:
            work = [(correlation, seed, windows) for seed in range(seeds)]
            counts = sum(pool.starmap(_watch, work, chunksize=1), Counts())
            judged, stretches = seeds * windows, seeds * windows // STRETCH
            alarm, observed = counts["drifting"] / judged, counts["inconclusive"] / judged
            requested = counts["requested"] / stretches
            if not effort.options.json:
                print(
                    f"{correlation:>5} {100 * alarm:>7.2f} {100 * observed:>9.1f}"
                    f" {100 * requested:>25.1f}",
                    flush=True,
                )
            name = f"r{correlation * 10:02.0f}"
            meaning = f"{alarm:.2%} of {judged} windows in long sequences, promised {promised:.1%}"
            yield Ratio(f"long_false_alarms_{name}", alarm / promised, meaning)
            meaning = f"of {stretches} stretches of {STRETCH} windows"
            yield Ratio(f"needless_requests_{name}", requested, meaning)


def _watch(correlation: float, seed: int, windows: int) -> Counts:
    """Count the verdicts on one champion's windows, and its stretches with a request."""
    spec = watched_model()
    days = REFERENCE_DAYS + windows * WINDOW_DAYS
    history = draw_history(10_000 + seed, days=days, correlation=correlation)
    known = learn_reference(spec, history, days=REFERENCE_DAYS)
    actions, counts = [], Counts()
    for number in range(windows):
        first = REFERENCE_DAYS + number * WINDOW_DAYS
        verdict = judge_window(spec, history.part(first, first + WINDOW_DAYS), known)
        actions.append(verdict.action)
        counts[verdict.action] += 1
    fire = spec.monitoring.fire
    for begin in range(0, windows, STRETCH):
        stretch = actions[begin : begin + STRETCH]
        counts["requested"] += any(
            k_of_last_n(stretch[: end + 1], fire, on="drifting") for end in range(STRETCH)
        )
    return counts
