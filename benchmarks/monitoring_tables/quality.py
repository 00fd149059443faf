"""How often the quality of unchanged rows is called bad, and which mistakes of deliveries it finds.

A reference has 180 days, and the next eight weeks are judged. Ten columns have missing values, in a
share that changes from day to day; three follow the calendar, and ten more change by the day alone,
which no check may take for a calendar. Repeated keys and volume have the weeks before to go by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio

from monitoring_tables.history import START, day_levels
from slipway.stages.monitor.quality.calendar_columns import find_calendar_columns
from slipway.stages.monitor.quality.check import KnownRows, ObservedWindow
from slipway.stages.monitor.quality.judge import Quality, judge_quality
from slipway.stages.ports.prediction_log import SampledRows

CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
REFERENCE_DAYS, WEEKS, ROWS_A_DAY = 180, 8, 96
MISSING, BY_DAY, CLOCKS = 10, 10, 3

Change = Callable[[pd.DataFrame], pd.DataFrame]

MISTAKES: Mapping[str, Change] = {
    "no nulls any more": lambda rows: rows.assign(missing0=rows["missing0"].fillna(0.0)),
    "hour three off": lambda rows: rows.assign(hour=(rows["hour"] + 3) % 24),
    "texts for numbers": lambda rows: rows.assign(missing1="n/a"),
    "each row twice": lambda rows: pd.concat([rows, rows]).sort_values("event_time"),
    "two days of seven": lambda rows: rows.iloc[: 2 * ROWS_A_DAY],
}


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure the share of unchanged windows with a finding, and of mistakes that are found."""
    seeds = effort.options.seeds or effort.pick(quick=10, full=100)
    if not effort.options.json:
        print(f"{seeds} references of {REFERENCE_DAYS} days a row; windows with a finding, in %")
        print(f"{'corr':>5} {'unchanged':>10} " + " ".join(f"{one:>18}" for one in MISTAKES))
    total: Counter[str] = Counter()
    for correlation in CORRELATIONS:
        counts = sum((_judge(seed, correlation) for seed in range(seeds)), Counter[str]())
        total += counts
        windows = seeds * WEEKS
        if not effort.options.json:
            shares = " ".join(f"{counts[one] / seeds:>18.1%}" for one in MISTAKES)
            print(f"{correlation:>5} {counts['unchanged'] / windows:>10.2%} {shares}", flush=True)
        share = counts["unchanged"] / windows
        name = f"false_quality_r{correlation * 10:02.0f}"
        yield Ratio(name, share, f"of {windows} unchanged windows have a finding")
    asked = seeds * len(CORRELATIONS)
    found = sum(total[one] for one in MISTAKES)
    yield Ratio("quality_found", found / (asked * len(MISTAKES)), "of planted mistakes are found")
    taken = total["taken for a calendar"] / (asked * (MISSING + BY_DAY))
    yield Ratio("false_calendar", taken, "of columns that follow no calendar are taken for one")
    told = total["calendar"] / (asked * CLOCKS)
    yield Ratio("calendar_found", told, "of hours, weekdays and counters are told to be so")


def _judge(seed: int, correlation: float) -> Counter[str]:
    rows = _draw(seed, correlation)
    times, features = rows["event_time"], [name for name in rows if name not in _IDENTITY]
    end = REFERENCE_DAYS * ROWS_A_DAY
    calendar = find_calendar_columns(
        rows[features][:end], times[:end], numeric=features, declared=()
    )
    known = KnownRows(rows[features][:end], times[:end], features, calendar)
    named = {one.name for one in calendar}
    counts = Counter({"calendar": len(named & _CLOCKS)})
    counts["taken for a calendar"] = len(named - _CLOCKS)
    earlier: list[Mapping[str, Any]] = []
    for week in range(WEEKS):
        part = rows[end + week * 7 * ROWS_A_DAY :][: 7 * ROWS_A_DAY].reset_index(drop=True)
        quality = _quality(part, part, known, earlier)
        counts["unchanged"] += quality.action != "ok"
        if week == WEEKS - 1:
            for name, change in MISTAKES.items():
                changed = change(part).reset_index(drop=True)
                counts[name] += _quality(changed, part, known, earlier).action != "ok"
        earlier.insert(0, quality.numbers)
    return counts


def _quality(
    rows: pd.DataFrame, whole: pd.DataFrame, known: KnownRows, earlier: list[Mapping[str, Any]]
) -> Quality:
    """Quality of some rows in the week of all of them."""
    start = whole["event_time"].iloc[0].to_pydatetime()
    tidied = rows[list(known.features)].apply(pd.to_numeric, errors="coerce")
    end, sample = start + timedelta(days=7), SampledRows.of(rows)
    observed = ObservedWindow(start, end, 1, sample, tidied, earlier=tuple(earlier))
    return judge_quality(observed, known)


_IDENTITY = frozenset({"event_time", "key"})
_CLOCKS = frozenset({"hour", "weekday", "counter"})


def _draw(seed: int, correlation: float) -> pd.DataFrame:
    random = np.random.default_rng([seed, round(correlation * 100)])
    days = REFERENCE_DAYS + 7 * WEEKS
    count = days * ROWS_A_DAY
    of_day = np.repeat(np.arange(days), ROWS_A_DAY)
    times = pd.Series(pd.date_range(START, periods=count, freq=f"{86_400 // ROWS_A_DAY}s"))
    columns: dict[str, Any] = {"event_time": times, "key": [f"k{one}" for one in range(count)]}
    for number in range(MISSING):
        level = day_levels(random, days=days, correlation=correlation)
        share = 1 / (1 + np.exp(1.1 - 0.3 * level))
        value = random.normal(size=count) + level[of_day]
        columns[f"missing{number}"] = np.where(random.random(count) < share[of_day], np.nan, value)
    for number in range(BY_DAY):
        level = day_levels(random, days=days, correlation=correlation)
        columns[f"by_day{number}"] = np.round(4 * level)[of_day]
    columns["hour"] = times.dt.hour.astype(float)
    columns["weekday"] = times.dt.dayofweek.astype(float)
    columns["counter"] = np.arange(count, dtype=float)
    return pd.DataFrame(columns)
