"""Performance of a large window: the stages `performance` and `kpis` on files, and their samples.

A week of logged predictions is joined with as many labels and a quarter more, of other keys. Each
stage runs in a process of its own whose largest memory is measured; what it imports is in its
memory and not in its time. Verdicts on samples of a twentieth are held against those on all rows,
on days whose skill is correlated.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio, in_own_process, measure_process, run
from monitoring_tables.one_version_registry import OneVersionRegistry

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.kpi_queries import DuckDbQueries
from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.records.attempts import Attempt
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.held_out_rows import FILE, HeldOutRows
from slipway.stages.model.manifest import seal
from slipway.stages.monitor.kpis.measure_kpis import measure_kpis
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.labels.label_join import MOST_JUDGED
from slipway.stages.monitor.performance.compared_model import PerformanceTools
from slipway.stages.monitor.performance.judge_performance import (
    RealisedPerformance,
    judge_performance,
)
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.monitor.performance.promise import loss_against_promise, promise_of
from slipway.stages.monitor.windows.window_blocks import divide_window
from slipway.wiring.gate_tools import gate_tools

START, DAYS, SEGMENT_ROWS = datetime(2025, 5, 5, tzinfo=UTC), 7, 100_000
HOLDOUT_DAYS, HOLDOUT_ROWS = 60, 60_000
MOST_MIB_OF_TEN, OTHER_LABELS = 2048, 4
"""Memory that 10 million rows may take, and every so many labels one more of another key."""

METRIC, MARGIN, CORRELATION, DAY_SPREAD = "roc_auc", 0.02, 0.6, 0.1
SLOPES = (1.0, 0.93, 0.86, 0.8, 0.7)
"""Skill of a window, of which the holdout has 1; about 0, 0.01, 0.02, 0.03 and 0.05 of the area."""

SHARE = 20
"""Rows of a window over those of its sample, as 10 million have of the stage's."""

STAGES = ("performance", "kpis")
KPI = (
    "SELECT avg((late = 1)::INT) FROM predictions JOIN labels USING (key) WHERE version = $version"
)
DATASET = DatasetSpec.model_validate(
    {
        "dataset": "made_up",
        "key": "id",
        "event_time": "at",
        "streams": {
            "features": {
                "columns": {
                    "id": {"type": "string", "nullable": False},
                    "at": {"type": "timestamp", "nullable": False},
                    "n0": {"type": "number"},
                }
            },
            "labels": {"columns": {"id": {"type": "string"}, "late": {"type": "integer"}}},
        },
    }
)


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure time and memory, and the agreement of sampled verdicts with whole ones."""
    rows = effort.options.rows or (1_000_000 if effort.quick else 10_000_000)
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        _write(Path(folder), rows)
        for stage in STAGES:
            found = in_own_process(__file__, "--measure", stage, folder)
            yield Ratio(
                f"allowed_over_used_mebibytes_of_{stage}",
                MOST_MIB_OF_TEN / found["mebibytes"],
                f"{MOST_MIB_OF_TEN:,} MiB allowed, {found['mebibytes']:,.0f} MiB used, "
                f"{found['seconds']:.1f} s ({found['cpu']:.1f} s of CPU), {rows:,} predictions",
            )
    yield _agreement(
        effort.pick(quick=500_000, full=1_000_000), seeds=effort.pick(quick=2, full=10)
    )


def _check(stage: str, root: Path) -> None:
    """Run a stage, and require a verdict."""
    verdict = (_performance if stage == "performance" else _kpis)(root)
    print(verdict.reason, file=sys.stderr)
    if verdict.action == "inconclusive":
        raise AssertionError(f"expected a verdict, found {verdict}")


def _performance(root: Path) -> Verdict:
    return measure_performance(
        _model(),
        DATASET,
        window="2025-W19-v1",
        context=RunContext(open_store(str(root / "records")), {}),
        registry=OneVersionRegistry(root / "version"),  # type: ignore[arg-type]
        tables=DeltaTables(str(root / "tables")),
        log=PredictionLog(open_store(str(root / "log"))),
        tools=PerformanceTools(
            gate_tools(), load_package, lambda spec, dataset: SklearnLearner(spec, dataset, None)
        ),
    ).verdict


def _kpis(root: Path) -> Verdict:
    return measure_kpis(
        _model(),
        DATASET,
        window="2025-W19-v1",
        context=RunContext(open_store(str(root / "records")), {}),
        tables=DeltaTables(str(root / "tables")),
        log=PredictionLog(open_store(str(root / "log"))),
        queries=DuckDbQueries(),
    ).verdict


def _write(root: Path, rows: int) -> None:
    """Write a version with its holdout, a week of its predictions, and labels."""
    folder = root / "version"
    (folder / FILE).parent.mkdir(parents=True)
    (folder / FILE).write_bytes(_held_out().to_bytes())
    seal(folder, {"features": [{"name": "n0", "kind": "number"}], "task": "classification"})
    store = open_store(str(root / "log"))
    for seed, times in _segments(rows):
        data = io.BytesIO()
        names, drawn = _names(seed, len(times)), _draw(times, seed=seed)
        drawn[["score", "n0"]].assign(
            request_id=names, row=0, key=names, event_time=times, received_at=times, version=1
        ).to_parquet(data, index=False)
        name = f"predictions/watched/day={times.iloc[0]:%Y-%m-%d}/{seed}.parquet"
        store.create(name, data.getvalue())
    store.create("runs/made_up/labels/ingest/attempt-0001.json", b"{}")
    DeltaTables(str(root / "tables")).publish(
        "made_up/labels",
        _labels(rows),
        batch="all",
        writer="labels",
        attempt=Attempt(store, RunRef("made_up", "labels", "ingest"), 1),
        note={},
    )


def _segments(rows: int) -> Iterator[tuple[int, pd.Series[Any]]]:
    """Seed and event times of each segment."""
    a_day = -(-rows // DAYS)
    for day in range(DAYS):
        left = min(a_day, rows - day * a_day)
        for number, first in enumerate(range(0, left, SEGMENT_ROWS)):
            count = min(SEGMENT_ROWS, left - first)
            shares = day + (first + np.arange(count)) / left
            times = pd.Timestamp(START) + pd.to_timedelta(shares * 86_400, unit="s")
            yield 1000 * (day + 1) + number, pd.Series(times.astype("datetime64[us, UTC]"))


def _labels(rows: int) -> Iterator[pd.DataFrame]:
    for seed, times in _segments(rows):
        late, names = _draw(times, seed=seed)["late"], _names(seed, len(times))
        yield pd.DataFrame({"id": names, "late": late, "_delivery": 1})
        others = [f"other-{name}" for name in names[::OTHER_LABELS]]
        yield pd.DataFrame({"id": others, "late": late[::OTHER_LABELS], "_delivery": 1})


def _names(seed: int, count: int) -> list[str]:
    return [f"order-{seed:05d}-{number:06d}" for number in range(count)]


def _held_out() -> HeldOutRows:
    days = np.arange(HOLDOUT_ROWS) * HOLDOUT_DAYS / HOLDOUT_ROWS
    begin = pd.Timestamp(START) - pd.Timedelta(days=HOLDOUT_DAYS)
    times = pd.Series(begin + pd.to_timedelta(days * 86_400, unit="s"))
    drawn = _draw(times, seed=1)
    return HeldOutRows(times, drawn["late"], drawn["score"].to_numpy())


def _draw(times: pd.Series[Any], *, seed: int, slope: float = 1.0) -> pd.DataFrame:
    """Scores and labels at some times; how right the scores of a day are follows the day before."""
    random = np.random.default_rng(seed)
    days = ((times - times.iloc[0]) // pd.Timedelta(days=1)).to_numpy()
    noise, skill = random.normal(size=int(days.max()) + 1), 0.0
    of_day = []
    for one in noise:
        skill = CORRELATION * skill + (1 - CORRELATION**2) ** 0.5 * one
        of_day.append(slope * (1 + DAY_SPREAD * skill))
    n0 = random.normal(size=len(times))
    late = random.random(len(times)) < 1 / (1 + np.exp(-np.array(of_day)[days] * n0))
    return pd.DataFrame({"n0": n0, "score": 1 / (1 + np.exp(-n0)), "late": late.astype("int64")})


def _agreement(rows: int, *, seeds: int) -> Ratio:
    """How often the verdict on a sample is that on all rows."""
    same, most, decayed = 0, 0.0, [0, 0]
    times = pd.Series(
        pd.Timestamp(START) + pd.to_timedelta(np.arange(rows) * DAYS * 86_400 / rows, unit="s")
    )
    for seed in range(seeds):
        for slope in SLOPES:
            drawn = _draw(times, seed=100 + seed, slope=slope).assign(at=times)
            sample = drawn.sample(rows // SHARE, random_state=seed).sort_index()
            whole, sampled = (_judge(one) for one in (drawn, sample))
            same += whole.action == sampled.action
            decayed = [
                count + (one.action == "decayed")
                for count, one in zip(decayed, (whole, sampled), strict=True)
            ]
            apart = float(whole.numbers[METRIC] or 0) - float(sampled.numbers[METRIC] or 0)
            most = max(most, abs(apart))
    windows = seeds * len(SLOPES)
    return Ratio(
        "sampled_verdict_is_whole",
        same / windows,
        f"{same} of {windows} windows of {rows:,} rows, judged by {rows // SHARE:,} (the stage "
        f"takes {MOST_JUDGED:,}): {decayed[0]} decayed by all rows, {decayed[1]} by samples; "
        f"{METRIC} differs by up to {most:.4f}",
    )


def _judge(rows: pd.DataFrame) -> Verdict:
    held_out, tools, spec = _held_out(), gate_tools(), _model()
    judged, before = (
        JudgedRows.of(METRIC, times=times, truth=truth, scores=scores, threshold=0.5)
        for times, truth, scores in (
            (rows["at"], rows["late"], rows["score"].to_numpy()),
            (held_out.times, held_out.labels, held_out.scores),
        )
    )
    promise = promise_of(before, is_skill=True, window="week", seed=7, tools=tools)
    if promise is None:
        raise AssertionError("expected a promise of the holdout, found none")
    blocks = divide_window(judged.times, window="week")
    loss = loss_against_promise(
        judged, promise, blocks=blocks, seed=7, against="the holdout let expect", tools=tools
    )
    value = tools.measure([METRIC], actual=judged.truth, scores=judged.scores)[METRIC]
    realised = RealisedPerformance(len(rows), len(rows), value, 0.5, loss)
    return judge_performance(realised, spec.monitoring)


def _model() -> ModelSpec:
    performance = {"metric": METRIC, "max_absolute_drop": MARGIN}
    return ModelSpec.model_validate(
        {
            "model": "watched",
            "dataset": "made_up",
            "task": "classification",
            "target": "late",
            "features": {"numeric": ["n0"], "categorical": []},
            "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
            "gates": {"metrics": {METRIC: {}}},
            "monitoring": {
                "performance": performance,
                "kpis": [{"name": "late_share", "sql": KPI, "max": 1.0}],
            },
        }
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the size of the window."""
    parser.add_argument("--rows", type=int, help="rows of the window")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure_process(lambda: _check(sys.argv[2], Path(sys.argv[3])))))
    else:
        run("performance", measure, add_options=add_options)
