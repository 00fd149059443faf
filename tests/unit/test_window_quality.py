"""Quality of a window's rows: schema, nulls both ways, repeated keys, volume and freshness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Verdict
from slipway.stages.monitor.quality.check import KnownRows, ObservedWindow, QualityFinding
from slipway.stages.monitor.quality.judge import Quality, judge_quality, with_quality
from slipway.stages.monitor.windows.earlier_windows import earlier_numbers
from slipway.stages.monitor.windows.windows import parse_monitored_window
from slipway.stages.ports.prediction_log import SampledRows
from tests.support.collect_env import CollectEnv
from tests.unit.test_drift import measured

START, END = datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 5, 1, tzinfo=UTC)
USUAL = [{"rows_per_window": rows, "repeated_keys": 0.02} for rows in (1150, 1200, 1250)]


def rows_of(count: int, start: datetime, *, seed: int, days: int = 30) -> pd.DataFrame:
    """Rows over some days, with a wind that is missing in a third of them."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "event_time": pd.date_range(start, periods=count, freq=f"{days * 1440 // count}min"),
            "key": [f"c{number}" for number in range(count)],
            "wind": np.where(random.random(count) < 0.33, np.nan, random.gamma(4, 3, count)),
            "gusts": random.gamma(4, 5, count),
        }
    )


def judged(
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    *,
    rows: int = 1200,
    earlier: Sequence[Mapping[str, Any]] = USUAL,
    units: int = 1,
    is_few: bool = False,
) -> Quality:
    """The quality of April after a change of its rows."""
    before = rows_of(3600, datetime(2013, 1, 1, tzinfo=UTC), seed=1, days=90)
    logged = change(rows_of(rows, START, seed=2))
    tidied = logged.reindex(columns=["wind", "gusts"]).apply(pd.to_numeric, errors="coerce")
    observed = ObservedWindow(START, END, units, SampledRows.of(logged), tidied, earlier)
    known = KnownRows(before[["wind", "gusts"]], before["event_time"], ("wind", "gusts"))
    return judge_quality(observed, known, is_few=is_few)


def test_a_month_like_the_reference_is_in_order() -> None:
    """It keeps the numbers that later windows are held against."""
    quality = judged()
    assert (quality.action, quality.reason) == ("ok", "")
    assert quality.numbers == {"quality": "ok", "rows_per_window": 1200, "repeated_keys": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.drop(columns="wind"), "wind is not among the logged columns"),
        (
            lambda rows: rows.assign(
                gusts=rows["gusts"].astype(object).where(rows.index % 5 > 0, "gale")
            ),
            "gusts is no finite number in 20.0% of the rows that have it (limit 5.0%)",
        ),
        (
            lambda rows: rows.assign(wind=rows["wind"].fillna(0)),
            "wind is null in only 0.0% of rows (limit ",
        ),
    ],
    ids=["missing", "type", "fewer-nulls"],
)
def test_other_rows_than_the_version_was_trained_on_are_drift(
    change: Callable[[pd.DataFrame], pd.DataFrame], reason: str
) -> None:
    """Missing columns, other types, and values where there were none."""
    quality = judged(change)
    assert quality.action == "drifting"
    assert reason in quality.reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"change": lambda rows: rows.assign(key=(rows.index // 2).astype(str))},
            "100.0% of its rows repeat a key (limit 7.0%)",
        ),
        (
            {"rows": 480},
            "it has only 480 predictions a window, earlier ones 1,150 to 1,250 (limit 575)",
        ),
        (
            {"rows": 3600},
            "it has 3,600 predictions a window, earlier ones 1,150 to 1,250 (limit 2,500)",
        ),
        (
            {"change": lambda rows: rows.iloc[:800]},
            "its newest event is 10.0 days before its end (limit 1.5)",
        ),
    ],
    ids=["duplicates", "fewer-rows", "more-rows", "stale"],
)
def test_what_no_training_mends_is_a_warning(given: dict[str, Any], reason: str) -> None:
    """Repeated keys, volume and freshness: a person should look, and nothing is requested."""
    quality = judged(**given)
    assert quality.action == "warning"
    assert reason in quality.reason


def test_three_earlier_windows_tell_what_is_usual() -> None:
    """Before, volume and repeated keys are only kept."""
    assert judged(rows=480, earlier=USUAL[:2]).action == "ok"


def test_joined_windows_are_held_against_earlier_ones_by_the_window() -> None:
    """Twice the rows in two windows are the usual ones."""
    assert judged(rows=2400, units=2).numbers["rows_per_window"] == 1200


def test_few_rows_are_held_against_no_share() -> None:
    """Ten rows may all be null by chance; that there are ten of them is told."""
    quality = judged(lambda rows: rows.assign(wind=1.0, key="c1"), rows=10, is_few=True)
    assert [one.check for one in quality.findings] == ["volume", "freshness"]


def test_quality_comes_first_and_a_warning_changes_no_verdict() -> None:
    """The severe finding is drift by itself; the other only stands before the reason."""
    verdict = Verdict("inconclusive", "Only observed.", {"rows": 9})
    warning = QualityFinding("volume", "rows", "it has only 9 predictions", 9, 50, "warning")
    told = with_quality(verdict, Quality([warning]))
    assert (told.action, told.numbers["quality"]) == ("inconclusive", "warning")
    assert told.reason == "Quality, to look at: it has only 9 predictions. Only observed."
    severe = QualityFinding("schema", "wind", "wind is missing", 1, 0, "drifting")
    told = with_quality(verdict, Quality([severe, warning]))
    assert (told.action, told.numbers["quality"]) == ("drifting", "drifting")
    assert told.numbers["quality.schema.wind"] == 1
    assert told.reason.startswith("Quality: wind is missing; it has only 9 predictions. ")


def test_a_window_with_too_few_predictions_has_a_quality() -> None:
    """Freshness and schema need no share of rows."""
    verdict = measured(lambda rows: rows.drop(columns="wind"), days=2).verdict
    assert verdict.action == "drifting"
    assert "wind is not among the logged columns" in verdict.reason
    assert "80 predictions are too few to tell" in verdict.reason


def test_values_out_of_range_are_a_matter_of_quality_too() -> None:
    """Its verdict says so, whatever names them."""
    assert measured(lambda rows: rows.assign(wind=-1.0)).verdict.numbers["quality"] == "drifting"


def test_earlier_windows_are_those_with_a_record() -> None:
    """Those of the version, joined ones once; one that was never measured is passed over."""
    env = CollectEnv(until="2013-07-02")
    env.store.create("windows/ferry_delay/v2/2013-02--2013-03.json", b"{}")
    for window in ("2013-01-v2", "2013-02--2013-03-v2", "2013-05-v2", "2013-04-v1"):
        env.measure(window, "drift")
    june = parse_monitored_window("2013-06-v2", "month")
    assert len(earlier_numbers(env.store, "ferry_delay", june)) == 3
