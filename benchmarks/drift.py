"""Drift of a large window: the stage `drift` beside plain Evidently on the same files.

Each checks 50 columns of a week of logged predictions against a reference of 20,000 rows, in a
process of its own whose largest memory is measured. The stage draws its sample from the segments,
calibrates limits, judges quality and drift, and writes its page; Evidently reads all rows as one
frame, measures the distance of each column and draws nothing. What either imports is in its memory
and not in its time. The verdicts on samples are held against those on all rows.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio, best_seconds, in_own_process, measure_process, run
from monitoring_tables.one_version_registry import OneVersionRegistry

from slipway.adapters.drift_report import DriftReports
from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.records.run_context import RunContext
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.manifest import MODEL, REFERENCE, REFERENCE_SCORE, seal
from slipway.stages.monitor.drift.distances import CalibratedReference, calibrate_reference, compare
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.reference import derived_object
from slipway.stages.monitor.reference.columns import Columns, tidy
from slipway.stages.monitor.reference.reference import read_reference
from slipway.stages.monitor.reference.reference_sample import MAX_ROWS
from slipway.stages.ports.prediction_log import SampledRows

NUMERIC = tuple(f"n{number}" for number in range(39))
CATEGORICAL = tuple(f"c{number}" for number in range(10))
COLUMNS = Columns((*NUMERIC, "score"), CATEGORICAL, "jensenshannon", "jensenshannon")
REFERENCE_DAYS, WINDOW = 120, timedelta(days=7)
START, MAY = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 5, 5, tzinfo=UTC)
DAYS, SEGMENT_ROWS = 7, 100_000
SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.5)
"""Shifts of a column, in standard deviations, whose verdicts are compared."""

MODEL_MIB = 50
"""Size of the model in the version's folder, which the first window of a version downloads."""

MOST_SECONDS, MOST_MIB, MOST_MIB_OF_TEN = 10, 1024, 2048
"""What a check of 1 million rows may take, and the memory of one of 10 million."""

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
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
                    **dict.fromkeys(NUMERIC, NUMBER),
                    **dict.fromkeys(CATEGORICAL, TEXT),
                }
            },
            "labels": {"columns": {"id": TEXT, "late": {"type": "integer"}}},
        },
    }
)


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure time and memory of both, and the agreement of sampled verdicts with whole ones."""
    rows = effort.options.rows or 1_000_000
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        root = Path(folder)
        _write(root, rows)
        ours, again, other = (
            in_own_process(__file__, "--measure", tool, root)
            for tool in ("slipway", "again", "evidently")
        )
    size = f"{rows:,} rows x 50 columns"
    yield Ratio(
        "evidently_over_slipway_seconds",
        other["seconds"] / ours["seconds"],
        f"Evidently {_time(other)}, the stage {_time(ours)}, {size}",
    )
    yield Ratio(
        "evidently_over_slipway_mebibytes",
        other["mebibytes"] / ours["mebibytes"],
        f"Evidently {other['mebibytes']:,.0f} MiB, the stage {ours['mebibytes']:,.0f} MiB, {size}",
    )
    yield Ratio(
        "first_over_second_reference_seconds",
        ours["reference"] / again["reference"],
        f"the reference of a version of {MODEL_MIB} MiB on the same disk in "
        f"{ours['reference']:.2f} s, of the window after it in {again['reference']:.2f} s; the "
        f"stage {_time(ours)} and {_time(again)}",
    )
    yield Ratio(
        "allowed_over_used_seconds",
        MOST_SECONDS / ours["seconds"],
        f"{MOST_SECONDS} s allowed, {_time(ours)} used",
    )
    yield _memory("allowed_over_used_mebibytes", MOST_MIB, ours["mebibytes"])
    if not effort.quick:
        yield _ten_times(10 * rows)
    yield _agreement(effort.pick(quick=100_000, full=400_000), effort.pick(quick=2, full=10))


def _ten_times(rows: int) -> Ratio:
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        _write(Path(folder), rows)
        found = in_own_process(__file__, "--measure", "slipway", folder)
    name = "allowed_over_used_mebibytes_of_ten_times"
    return _memory(name, MOST_MIB_OF_TEN, found["mebibytes"], f", {_time(found)}")


def _time(found: dict[str, float]) -> str:
    """Wall time, and that of the processors, which other work on the machine does not lengthen."""
    return f"{found['seconds']:.1f} s ({found['cpu']:.1f} s of CPU)"


def _memory(name: str, allowed: int, used: float, more: str = "") -> Ratio:
    return Ratio(name, allowed / used, f"{allowed:,} MiB allowed, {used:,.0f} MiB used{more}")


def _agreement(rows: int, seeds: int) -> Ratio:
    """How often the verdict on a sample is that on all rows."""
    spec, known, same, most = _model(), _calibrated(), 0, 0.0
    for seed in range(seeds):
        whole_window = _draw(rows, seed=seed + 10).assign(event_time=MAY)
        for shift in SHIFTS:
            window = whole_window.assign(n0=whole_window["n0"] + shift)
            sample = SampledRows.of(window, at_most=MAX_ROWS, seed=seed).rows
            whole, sampled = (
                compare(tidy(one, COLUMNS), known, seed=7) for one in (window, sample)
            )
            verdicts = {judge_drift(one, spec.monitoring).action for one in (whole, sampled)}
            same += len(verdicts) == 1
            apart = (abs(whole.distances[one] - sampled.distances[one]) for one in whole.distances)
            most = max(most, *apart)
    windows = seeds * len(SHIFTS)
    meaning = f"{same} of {windows} windows of {rows:,} rows; distances differ by up to {most:.3f}"
    return Ratio("sampled_verdict_is_whole", same / windows, meaning)


def _measured(tool: str, root: Path) -> dict[str, float]:
    """What a tool takes, and the seconds of reading a reference alone."""
    import evidently.metrics  # noqa: F401  # both import it, at some time

    found = measure_process(lambda: _TOOLS[tool](root))
    read = best_seconds(lambda: _read_reference(root, is_first=tool != "again"), repeats=3)
    return {**found, "reference": read}


def _read_reference(root: Path, *, is_first: bool) -> None:
    kept = None if is_first else open_store(str(root / "again"))
    registry: Any = OneVersionRegistry(root / "version")
    read_reference(registry, _model(), DATASET, version=1, window=WINDOW, store=kept)


def _by_slipway(root: Path, *, records: str = "records") -> None:
    record = measure_drift(
        _model(),
        DATASET,
        window="2025-W19-v1",
        context=RunContext(open_store(str(root / records)), {}),
        registry=OneVersionRegistry(root / "version"),  # type: ignore[arg-type]
        log=PredictionLog(open_store(str(root / "log"))),
        reports=DriftReports(),
    )
    if record.verdict.numbers.get("sampled_rows") != MAX_ROWS:
        raise AssertionError(f"expected a sample of {MAX_ROWS:,}, found {record.verdict}")


def _by_slipway_again(root: Path) -> None:
    """Measure a window of a version whose reference the first one has reduced."""
    folder = derived_object.FOLDER
    shutil.copytree(root / "records" / folder, root / "again" / folder)
    _by_slipway(root, records="again")


def _by_evidently(root: Path) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    window = pd.read_parquet(root / "log", columns=list(COLUMNS.names))
    reference = pd.read_parquet(root / "version" / REFERENCE)
    reference = reference.rename(columns={REFERENCE_SCORE: "score"})[list(COLUMNS.names)]
    definition = DataDefinition(
        numerical_columns=list(COLUMNS.numeric), categorical_columns=list(COLUMNS.categorical)
    )
    metrics = [ValueDrift(column=name, method="jensenshannon") for name in COLUMNS.names]
    Report(metrics).run(
        Dataset.from_pandas(window, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    ).dict()


_TOOLS = {"slipway": _by_slipway, "again": _by_slipway_again, "evidently": _by_evidently}


def _write(root: Path, rows: int) -> None:
    """Write a version with its reference, and a week of its predictions."""
    folder = root / "version"
    (folder / REFERENCE).parent.mkdir(parents=True)
    reference = _draw(MAX_ROWS, seed=1).rename(columns={"score": REFERENCE_SCORE})
    days = pd.to_timedelta(np.arange(MAX_ROWS) * REFERENCE_DAYS / MAX_ROWS, unit="D")
    reference.assign(at=pd.Timestamp(START) + days).to_parquet(folder / REFERENCE, index=False)
    (folder / MODEL).write_bytes(np.random.default_rng(0).bytes(MODEL_MIB * 2**20))
    kinds = dict.fromkeys(NUMERIC, "number") | dict.fromkeys(CATEGORICAL, "string")
    features = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    seal(folder, {"features": features, "event_time": "at", "task": "classification"})
    store, a_day = open_store(str(root / "log")), -(-rows // DAYS)
    for day in range(DAYS):
        left = min(a_day, rows - day * a_day)
        for number, first in enumerate(range(0, left, SEGMENT_ROWS)):
            seed = 1_000 + day * 100 + number
            data = io.BytesIO()
            _logged(min(SEGMENT_ROWS, left - first), day, seed).to_parquet(data, index=False)
            name = f"predictions/watched/day={MAY + timedelta(days=day):%Y-%m-%d}/{number}.parquet"
            store.create(name, data.getvalue())


def _logged(rows: int, day: int, seed: int) -> pd.DataFrame:
    """Predictions of one day, as the shipper writes them."""
    names = [f"{seed}-{number:06d}" for number in range(rows)]
    times = pd.to_timedelta((day + np.arange(rows) / rows) * 86_400, unit="s")
    moments = (pd.Timestamp(MAY) + times).astype("datetime64[us, UTC]")
    return _draw(rows, seed=seed).assign(
        request_id=names, row=0, key=names, event_time=moments, received_at=moments, version=1
    )


def _calibrated() -> CalibratedReference:
    rows = _draw(MAX_ROWS, seed=1)
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
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(_measured(sys.argv[2], Path(sys.argv[3]))))
    else:
        run("drift", measure, add_options=add_options)
