"""Drift of a large window: Slipway's comparison beside plain Evidently on the same two frames.

Each tool compares 50 columns of a window with a reference of 20,000 rows, in a process of its own,
which has both frames in memory before it is measured. Slipway samples the window, calibrates limits
on the reference and judges; Evidently measures all rows and draws nothing. Reading the prediction
log is in neither figure. The verdicts on the sample are held against those on all rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio, run

from slipway.spec import ModelSpec
from slipway.stages.monitor.columns import Columns, tidy
from slipway.stages.monitor.distances import CalibratedReference, calibrate_reference, compare
from slipway.stages.monitor.judge_drift import judge_drift
from slipway.stages.monitor.reference import MAX_ROWS

NUMERIC = tuple(f"n{number}" for number in range(39))
CATEGORICAL = tuple(f"c{number}" for number in range(10))
COLUMNS = Columns((*NUMERIC, "score"), CATEGORICAL, "jensenshannon", "jensenshannon")
REFERENCE_DAYS, WINDOW = 120, timedelta(days=7)
START = datetime(2025, 1, 6, tzinfo=UTC)
SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.5)
"""Shifts of a column, in standard deviations, whose verdicts are compared."""


def measure_drift(effort: Effort) -> Iterator[Ratio]:
    """Measure time and memory of both, and the agreement of sampled verdicts with whole ones."""
    rows = effort.options.rows or effort.pick(quick=200_000, full=1_000_000)
    found = {tool: _in_own_process(tool, rows) for tool in ("slipway", "evidently")}
    for name, unit in (("seconds", "s"), ("mebibytes", "MiB above the frames")):
        one, other = found["slipway"][name], found["evidently"][name]
        meaning = f"Evidently {other:.1f} {unit}, Slipway {one:.1f}, {rows:,} rows x 50 columns"
        yield Ratio(f"evidently_over_slipway_{name}", other / max(one, 0.1), meaning)
    yield _agreement(effort.pick(quick=100_000, full=400_000))


def _agreement(rows: int) -> Ratio:
    """How often the verdict on a sample is that on all rows."""
    spec, known, same, most = _model(), _calibrated(), 0, 0.0
    for seed, shift in enumerate(SHIFTS):
        window = _draw(rows, seed=seed + 10)
        window["n0"] += shift
        sample = window.sample(MAX_ROWS, random_state=1).reset_index(drop=True)
        verdicts = []
        for one in (window, sample):
            comparison = compare(tidy(one, COLUMNS), known, seed=7)
            verdicts.append((judge_drift(comparison, spec.monitoring), comparison))
        same += verdicts[0][0].action == verdicts[1][0].action
        whole, sampled = (comparison.distances for _, comparison in verdicts)
        most = max(most, *(abs(whole[name] - sampled[name]) for name in whole))
    meaning = f"of {len(SHIFTS)} windows of {rows:,} rows; distances differ by at most {most:.3f}"
    return Ratio("sampled_verdict_is_whole", same / len(SHIFTS), meaning)


def _in_own_process(tool: str, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", tool, "--rows", str(rows)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def _measured(tool: str, rows: int) -> dict[str, float]:
    """Seconds, and the growth of the process's largest memory."""
    reference, window = _draw(MAX_ROWS, seed=1), _draw(rows, seed=2)
    work = _by_slipway if tool == "slipway" else _by_evidently
    # What a process imports once is not part of a comparison.
    work(reference, window.head(2_000).copy())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    work(reference, window)
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "mebibytes": grown / 1024}


def _by_slipway(reference: pd.DataFrame, window: pd.DataFrame) -> None:
    sample = window.sample(min(len(window), MAX_ROWS), random_state=1).reset_index(drop=True)
    judge_drift(compare(tidy(sample, COLUMNS), _calibrated(reference), seed=7), _model().monitoring)


def _by_evidently(reference: pd.DataFrame, window: pd.DataFrame) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    definition = DataDefinition(
        numerical_columns=list(COLUMNS.numeric), categorical_columns=list(COLUMNS.categorical)
    )
    metrics = [ValueDrift(column=name, method="jensenshannon") for name in COLUMNS.names]
    Report(metrics).run(
        Dataset.from_pandas(window, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    ).dict()


def _calibrated(reference: pd.DataFrame | None = None) -> CalibratedReference:
    rows = _draw(MAX_ROWS, seed=1) if reference is None else reference
    days = pd.to_timedelta(np.arange(len(rows)) * REFERENCE_DAYS // len(rows), unit="D")
    return calibrate_reference(
        tidy(rows, COLUMNS),
        pd.Series(pd.Timestamp(START) + days),
        columns=COLUMNS,
        window=WINDOW,
        window_rows=MAX_ROWS,
        spec=_model(),
    )


def _model() -> ModelSpec:
    performance = {"metric": "roc_auc", "max_absolute_drop": 0.05}
    return ModelSpec.model_validate(
        {
            "model": "watched",
            "dataset": "made_up",
            "task": "classification",
            "target": "late",
            "features": {"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
            "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
            "gates": {"metrics": {"roc_auc": {}}},
            "monitoring": {"performance": performance},
        }
    )


def _draw(rows: int, *, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: random.normal(size=rows) for name in NUMERIC}
    columns["score"] = random.random(rows)
    names = np.array(list("abcdefghij"), dtype=object)
    for name in CATEGORICAL:
        columns[name] = names[random.integers(0, len(names), rows)]
    return pd.DataFrame(columns)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the size of the window."""
    parser.add_argument("--rows", type=int, help="rows of the window")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(_measured(sys.argv[2], int(sys.argv[4]))))
    else:
        run("drift", measure_drift, add_options=add_options)
