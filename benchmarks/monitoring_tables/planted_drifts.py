"""Which changes are found, and how soon: one is planted in each of 12 weeks after a reference.

The reference has 180 days whose neighbours correlate by 0.3. The table has, by change, the share of
windows that drift, the share of champions that file a request within the 12 weeks by the product's
rule, and the median number of weeks until they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio

from monitoring_tables.drift_alarms import REFERENCE_DAYS
from monitoring_tables.history import NUMERIC, draw_history
from monitoring_tables.watched_model import (
    WINDOW_DAYS,
    judge_window,
    learn_reference,
    watched_model,
)
from slipway.stages.monitor.decide.judge_windows import k_of_last_n

WEEKS, CORRELATION = 12, 0.3
GLITCH_WEEK = 3

Change = Callable[[pd.DataFrame, int], pd.DataFrame]


def _rescored(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the scores that the model gives to what they hold now."""
    noise = np.log(rows["score"] / (1 - rows["score"])) + 2 - (rows["was0"] + rows["was1"]) / 2
    score = 1 / (1 + np.exp(2 - (rows["n0"] + rows["n1"]) / 2 - noise))
    return rows.assign(score=score)


def _moved(rows: pd.DataFrame, by: float) -> pd.DataFrame:
    return _rescored(rows.assign(n0=rows["n0"] + by))


def _alone(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose `n1` follows `n0`, each with the values that it had."""
    ranked = np.sort(rows["n1"].to_numpy())[rows["n0"].rank(method="first").astype(int) - 1]
    return _rescored(rows.assign(n1=ranked))


def _prior(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of which those with a high score are three times as common."""
    weight = np.where(rows["score"] > rows["score"].median(), 3.0, 1.0)
    return rows.sample(len(rows), replace=True, weights=weight, random_state=1)


def _season(rows: pd.DataFrame, week: int) -> pd.DataFrame:
    """Rows whose numbers all follow a year that the reference has only half of."""
    day = REFERENCE_DAYS + WINDOW_DAYS * week
    level = np.sin(2 * np.pi * (day - REFERENCE_DAYS) / 365)
    return _rescored(rows.assign(**{name: rows[name] + level for name in NUMERIC}))


CHANGES: dict[str, Change] = {
    "none": lambda rows, _: rows,
    "mean_half_sd": lambda rows, _: _moved(rows, 0.5),
    "mean_one_sd": lambda rows, _: _moved(rows, 1.0),
    "spread_times_1_5": lambda rows, _: _rescored(rows.assign(n0=rows["n0"] * 1.5)),
    "new_category_10": lambda rows, _: rows.assign(c1=rows["c1"].where(rows.index % 10 > 0, "z")),
    "missing_14": lambda rows, _: rows.assign(n2=rows["n2"].where(rows.index % 7 > 0)),
    "correlation_only": lambda rows, _: _alone(rows),
    "prior": lambda rows, _: _prior(rows),
    "unseen_season": _season,
    "glitch_one_week": lambda rows, week: _moved(rows, 1.5) if week == GLITCH_WEEK else rows,
    "creep_0_1_sd_a_week": lambda rows, week: _moved(rows, 0.1 * (week + 1)),
}


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure which changes are found."""
    seeds = effort.options.seeds or effort.pick(quick=10, full=60)
    if not effort.options.json:
        print(f"{seeds} champions a row, {WEEKS} weeks; in %, and weeks until a request")
        print(f"{'change':<20} {'drifting':>9} {'requested':>10} {'weeks':>6}")
    with get_context("spawn").Pool(2) as pool:
        found = pool.map(_watch, range(seeds), chunksize=1)
    for name in CHANGES:
        alarms = float(np.mean([one[name][0] for one in found]))
        weeks = [one[name][1] for one in found if one[name][1] is not None]
        requested = len(weeks) / seeds
        if not effort.options.json:
            until = f"{median(weeks):.0f}" if weeks else "-"
            print(f"{name:<20} {100 * alarms:>9.1f} {100 * requested:>10.1f} {until:>6}")
        yield Ratio(f"requested_{name}", requested, f"of {seeds} champions, in {WEEKS} weeks")


def _watch(seed: int) -> dict[str, tuple[float, int | None]]:
    """Share of windows that drift, and the weeks until a request, by change."""
    spec: Any = watched_model()
    days = REFERENCE_DAYS + WEEKS * WINDOW_DAYS
    history = draw_history(20_000 + seed, days=days, correlation=CORRELATION)
    known = learn_reference(spec, history, days=REFERENCE_DAYS)
    found = {}
    for name, change in CHANGES.items():
        actions: list[str] = []
        request = None
        for week in range(WEEKS):
            first = REFERENCE_DAYS + week * WINDOW_DAYS
            rows = history.part(first, first + WINDOW_DAYS)
            rows = rows.assign(was0=rows["n0"], was1=rows["n1"])
            actions.append(judge_window(spec, change(rows, week), known).action)
            fires = k_of_last_n(actions, spec.monitoring.fire, on="drifting")
            request = week + 1 if fires and request is None else request
        found[name] = (actions.count("drifting") / WEEKS, request)
    return found
