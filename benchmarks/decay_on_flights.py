"""Which months of a year of flights are called decayed: by the figures, and by each comparator.

First nothing changes: a model learns from some weeks, drawn at random, and windows and holdouts are
four other weeks each, in any order, so that what differs is the weather of weeks. Then the year as
it was: the model of March is watched until December, beside what a fresh model of each month does
on the same rows. A month has 2,000 requests, as in the demo.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from harness import Effort, Ratio, run
from rich.progress import Progress

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.local.sample_deliveries import make_sample
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.loading import load_dataset, load_model
from slipway.spec.monitoring import Monitoring
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.loss import Loss, paired_loss
from slipway.stages.monitor.performance.promise import loss_against_promise, promise_of
from slipway.stages.monitor.windows.window_blocks import divide_window, resampling
from slipway.stages.ports.package import FittedModel
from slipway.wiring.gate_tools import gate_tools

INCLUDE = Path(__file__).resolve().parents[1] / "include"
METRIC, TIME, TARGET = "roc_auc", "scheduled_departure", "late"
MARGINS = (0.0, 0.01, 0.03)
ROWS_A_MONTH, WEEKS, HOLDOUT_DAYS = 2000, 4, 28


@dataclass(frozen=True)
class Flights:
    """Labelled flights of the year in time order, and what learns from them."""

    rows: pd.DataFrame
    spec: ModelSpec
    dataset: DatasetSpec

    def learn(self, rows: pd.DataFrame) -> FittedModel:
        """Fit the project's model."""
        return SklearnLearner(self.spec, self.dataset, None).learn(rows, classes=(0, 1))


def measure_flights(effort: Effort) -> Iterator[Ratio]:
    """Measure shuffled weeks, then the year."""
    flights = read_flights()
    yield from shuffled_weeks(flights, effort)
    yield from year(flights, effort)


def read_flights() -> Flights:
    """Read the sample deliveries."""
    dataset = load_dataset(INCLUDE / "datasets" / "flights")
    spec = load_model(INCLUDE / "models" / "flight_delay")
    with tempfile.TemporaryDirectory() as folder, Progress(disable=True) as progress:
        files = make_sample(INCLUDE / "datasets" / "flights", Path(folder), progress=progress)
        features = [pd.read_parquet(one) for one in files if one.suffix == ".parquet"]
        labels = [pd.read_csv(one) for one in files if one.suffix == ".csv"]
    rows = pd.concat(features).merge(pd.concat(labels)[["flight_id", TARGET]], on="flight_id")
    rows[TIME] = pd.to_datetime(rows[TIME], utc=True)
    return Flights(rows.sort_values(TIME, ignore_index=True), spec, dataset)


def shuffled_weeks(flights: Flights, effort: Effort) -> Iterator[Ratio]:
    """Measure windows of random weeks, of which none is another world than the holdout's."""
    seeds = effort.options.seeds or effort.pick(quick=100, full=400)
    rows, random = flights.rows, np.random.default_rng(1)
    week = ((rows[TIME] - rows[TIME].min()).dt.days // 7).to_numpy()
    weeks = random.permutation(52)
    model = flights.learn(rows[np.isin(week, weeks[:20])])
    scores = model.predict(rows)
    counts = dict.fromkeys([(rule, one) for one in MARGINS for rule in ("figures", "now")], 0)
    for _ in range(seeds):
        drawn = random.permutation(weeks[20:])[: 2 * WEEKS]
        holdout, window = (
            _shuffled(rows, scores, week, part, random) for part in np.split(drawn, 2)
        )
        loss, drop = against_holdout(window, holdout)
        for one in MARGINS:
            counts["figures", one] += drop > one
            counts["now", one] += _verdict(window, loss, one).action == "decayed"
    for (rule, margin), count in counts.items():
        name = f"{'false_decay' if rule == 'now' else 'former_false_decay'}_{margin * 100:.0f}"
        yield Ratio(name, count / seeds, f"of {seeds} windows of shuffled weeks, margin {margin}")


def year(flights: Flights, effort: Effort) -> Iterator[Ratio]:
    """Judge each month of the model of March."""
    rows = flights.rows
    april = pd.Timestamp("2013-04-01", tz="UTC")
    start = april - pd.Timedelta(days=HOLDOUT_DAYS)
    model = flights.learn(rows[rows[TIME] < start])
    holdout = _of_model(model, rows[(rows[TIME] >= start) & (rows[TIME] < april)])
    losses = []
    for month in range(4, effort.pick(quick=9, full=12) + 1):
        first = pd.Timestamp(f"2013-{month:02d}-01", tz="UTC")
        inside = rows[(rows[TIME] >= first) & (rows[TIME] < first + pd.offsets.MonthBegin(1))]
        asked = inside.sample(ROWS_A_MONTH, random_state=7).sort_values(TIME)
        window = _of_model(model, asked)
        loss, drop = against_holdout(window, holdout)
        fresh = against_other(window, _of_model(flights.learn(rows[rows[TIME] < first]), asked))
        losses.append(fresh.value)
        if not effort.options.json:
            by_figures = "decayed" if drop > MARGINS[-1] else "ok"
            print(f"2013-{month:02d} {by_figures:>8} by the figures, drop {drop:+.4f}")
            for name, one in (("constant", loss), ("fresh", fresh)):
                told = [f"{margin}: {_verdict(window, one, margin).action}" for margin in MARGINS]
                low, high = one.value - one.reach(0.95), one.value + one.reach(0.95)
                found = f"{one.value:+.4f} ({low:+.4f} to {high:+.4f})"
                print(f"        {name:>8} {found}  {', '.join(told)}", flush=True)
    yield Ratio("mean_loss_to_fresh", sum(losses) / len(losses), "area, of the model of March")


def against_holdout(window: JudgedRows, holdout: JudgedRows) -> tuple[Loss, float]:
    """Return the loss by the default comparator, and the drop of the figures."""
    tools = gate_tools()
    promise = promise_of(holdout, is_skill=True, window="month", seed=1, tools=tools)
    if promise is None:
        raise SystemExit("a holdout promises nothing")
    blocks = divide_window(window.times, window="month")
    loss = loss_against_promise(window, promise, blocks=blocks, seed=1, against="", tools=tools)
    if loss is None:
        raise SystemExit("a window cannot be compared")
    return loss, _figure(holdout) - _figure(window)


def against_other(window: JudgedRows, other: JudgedRows) -> Loss:
    """Return the loss against another model on the same rows."""
    blocks = divide_window(window.times, window="month").own
    gain = gate_tools().gains.of_metrics(
        [METRIC],
        actual=window.truth,
        challenger=window.scores,
        other=other.scores,
        resampling=resampling(blocks, confidence=0.95, seed=1),
    )[METRIC]
    if gain is None:
        raise SystemExit("two models cannot be compared")
    expected = _figure(other)
    return paired_loss(gain, expected=expected, blocks=blocks.found, unit="day", against="")


def _verdict(rows: JudgedRows, loss: Loss, margin: float) -> Verdict:
    performance = {"metric": METRIC, "max_absolute_drop": margin}
    monitoring = Monitoring.model_validate({"performance": performance})
    count = len(rows)
    realised = RealisedPerformance(count, count, _figure(rows), 0.5, loss)
    return judge_performance(realised, monitoring)


def _figure(rows: JudgedRows) -> float:
    found = gate_tools().measure([METRIC], actual=rows.truth, scores=rows.scores)[METRIC]
    return float(found or 0)


def _of_model(model: FittedModel, rows: pd.DataFrame) -> JudgedRows:
    return _judged(rows[TIME], rows[TARGET], model.predict(rows))


def _shuffled(
    rows: pd.DataFrame,
    scores: np.ndarray,
    week: np.ndarray,
    drawn: np.ndarray,
    random: np.random.Generator,
) -> JudgedRows:
    """Rows of some weeks as if they followed one another."""
    places = []
    times = []
    for number, one in enumerate(drawn):
        inside = np.flatnonzero(week == one)
        chosen = np.sort(random.choice(inside, ROWS_A_MONTH // WEEKS, replace=False))
        places.append(chosen)
        since = pd.Timedelta(days=7 * int(number - one))
        times.append(rows[TIME].iloc[chosen] + since)
    at = np.concatenate(places)
    return _judged(pd.concat(times), rows[TARGET].iloc[at], scores[at])


def _judged(times: pd.Series, truth: pd.Series, scores: np.ndarray) -> JudgedRows:
    return JudgedRows.of(METRIC, times=times, truth=truth, scores=scores, threshold=0.5)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of shuffled windows."""
    parser.add_argument("--seeds", type=int, help="windows of shuffled weeks")


if __name__ == "__main__":
    run("decay_on_flights", measure_flights, add_options=add_options)
