"""Cost of scoring a large partition: rows per second, and the peak memory of its process.

Peers, in one run, each in its own process: the same stage with the model's ONNX form, and a plain
script that reads, scores and writes the whole partition as one frame. The peers score a tenth of
the rows, since the script needs too much memory for more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import write_deltalake
from harness import Effort, Ratio, run

from slipway.adapters.delta_tables import DeltaTables, ScoreTable
from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.object_store import open_store
from slipway.adapters.onnx_model import OnnxModel, load_onnx
from slipway.records.run_context import RunContext
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.newest_delivery import BATCH, DELIVERY
from slipway.stages.monitor.windows.windows import Window, parse_window
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.score.partitions import Scoring
from slipway.stages.score.score import score
from slipway.stages.score.shared_keys import SharedKeys

LIMIT_MIB = 2048
CHUNK_ROWS = 100_000
SMALL, LARGE = "2013-04", "2013-05"
NUMBERS = [f"n{number}" for number in range(10)]
TEXTS = {"carrier": 12, "origin": 3}
FEATURES = {
    "id": {"type": "string", "nullable": False},
    "at": {"type": "timestamp", "nullable": False},
    **{name: {"type": "number"} for name in NUMBERS},
    **{name: {"type": "string", "nullable": False} for name in TEXTS},
}
LABELS = {"id": {"type": "string"}, "hours": {"type": "number"}}
DATASET = DatasetSpec.model_validate(
    {
        "dataset": "parcels",
        "key": "id",
        "event_time": "at",
        "streams": {"features": {"columns": FEATURES}, "labels": {"columns": LABELS}},
    }
)
MODEL = ModelSpec.model_validate(
    {
        "model": "parcel_hours",
        "dataset": "parcels",
        "task": "regression",
        "target": "hours",
        "features": {"numeric": NUMBERS, "categorical": list(TEXTS)},
        "estimator": {
            "name": "xgboost.XGBRegressor",
            "params": {"n_estimators": 100, "max_depth": 5, "tree_method": "hist"},
        },
        "gates": {"metrics": {"r2_score": {"threshold": 0.0}}},
        "deployment": {"target": "batch", "batch": {"chunk_rows": CHUNK_ROWS}},
        "monitoring": {"performance": {"metric": "r2_score", "max_absolute_drop": 0.1}},
    }
)


@dataclass(frozen=True)
class Cost:
    """Cost of one way of scoring.

    Attributes:
        rows: Number of scored rows.
        seconds: Wall time, from opening the tables to the commit.
        peak_mib: Largest resident memory of its process, libraries included.
    """

    rows: int
    seconds: float
    peak_mib: float

    @property
    def rows_per_second(self) -> float:
        """Scored rows per second."""
        return self.rows / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows at {self.rows_per_second:,.0f} rows/s, "
            f"{self.peak_mib:,.0f} MiB at the peak"
        )


class OneVersionRegistry:
    """A registry that holds one version, in a folder.

    Args:
        folder: Folder of the version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Return the folder; nothing is downloaded."""
        del model, version, to, sha256
        return self._folder


class OnnxScorer:
    """A version's ONNX form with the interface of a package.

    Args:
        model: The ONNX form.
    """

    def __init__(self, model: OnnxModel) -> None:
        self._model = model
        self.manifest: Mapping[str, Any] = model.manifest

    def predict(self, frame: pd.DataFrame) -> Any:
        """Return scores of shape (n_rows,)."""
        columns = [frame[column.name] for column in self._model.columns]
        return self._model.score([column.astype(object).tolist() for column in columns])


def synthetic_rows(window: Window, *, rows: int, batch: str, first: int) -> Iterator[pd.DataFrame]:
    """Yield rows of a delivery in chunks, evenly spread over a window."""
    random = np.random.default_rng(first)
    span = window.end - window.start
    for start in range(0, rows, CHUNK_ROWS):
        count = min(CHUNK_ROWS, rows - start)
        place = np.arange(start, start + count)
        numbers = {name: random.normal(size=count).round(3) for name in NUMBERS}
        texts = {
            name: np.char.add(name[0], random.integers(0, kinds, count).astype(str))
            for name, kinds in TEXTS.items()
        }
        yield pd.DataFrame(
            {
                "id": [f"p{first + number:010d}" for number in place],
                "at": pd.Timestamp(window.start) + place / rows * pd.Timedelta(span),
                **numbers,
                **texts,
                DELIVERY: first,
                BATCH: batch,
            }
        ).astype({"at": "datetime64[us, UTC]"})


def write_features(root: Path, month: str, *, rows: int) -> None:
    """Write a month of features as two deliveries, so that repeated keys are searched for."""
    window = parse_window(month, "month")
    for half in (0, 1):
        batch, first = f"{month}-{half}", int(month[-2:]) * 10**9 + half * rows
        frames = synthetic_rows(window, rows=rows // 2, batch=batch, first=first)
        tables = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
        head = next(tables)
        schema = head.schema.remove_metadata()

        def batches(head: pa.Table = head, tables: Any = tables) -> Iterator[pa.RecordBatch]:
            yield from head.replace_schema_metadata(None).to_batches()
            for table in tables:
                yield from table.replace_schema_metadata(None).to_batches()

        write_deltalake(
            str(root / "tables" / "parcels" / "features"),
            pa.RecordBatchReader.from_batches(schema, batches()),
            mode="append",
            partition_by=[BATCH],
        )


def write_version(root: Path) -> Path:
    """Train a model on synthetic rows and save it; return the version's folder."""
    rows = next(synthetic_rows(parse_window(SMALL, "month"), rows=20_000, batch="b", first=0))
    hours = rows["n0"] * 2 + rows["n1"].abs() + (rows["carrier"] == "c1")
    learned = SklearnLearner(MODEL, DATASET, None).learn(rows.assign(hours=hours))
    reference = ReferenceRows(
        features=rows[MODEL.features.names],
        times=rows["at"],
        scores=learned.predict(rows),
        held_out=np.zeros(len(rows), dtype=bool),
    )
    folder = root / "version"
    facts = {"model": MODEL.model, "task": MODEL.task, "key": "id", "event_time": "at"}
    learned.save(folder, facts=facts, reference=reference)
    return folder


def score_stage(root: Path, month: str, load: Callable[[Path], Any]) -> int:
    """Score a partition with the stage; return the number of rows."""
    tables, window = DeltaTables(str(root)), parse_window(month, "month")
    version = tables.version("parcels/features") or 0
    files = tables.files("parcels/features", "at", version=version)
    features = SharedKeys(files).fingerprint(window)
    record = score(
        MODEL,
        DATASET,
        scoring=Scoring(window, features, 1, turn=time.time_ns()),
        context=RunContext(open_store(str(root)), {}),
        tables=tables,
        scores=ScoreTable(str(root)),
        registry=OneVersionRegistry(root / "version"),  # type: ignore[arg-type]
        load=load,
    )
    return int(record.verdict.numbers["rows"] or 0)


def score_whole(root: Path, month: str) -> int:
    """Score a partition as one frame; return the number of rows."""
    window, tables = parse_window(month, "month"), DeltaTables(str(root))
    where = [("at", ">=", window.start), ("at", "<", window.end)]
    rows = tables.read("parcels/features", where=where)
    rows = rows.sort_values(DELIVERY).drop_duplicates("id", keep="last")
    scored = rows.assign(
        score=load_package(root / "version").predict(rows), scored_at=datetime.now(UTC)
    )
    write_deltalake(str(root / "tables" / "naive"), scored, mode="overwrite")
    return len(scored)


WAYS: Mapping[str, Callable[[Path, str], int]] = {
    "chunks": lambda root, month: score_stage(root, month, load_package),
    "onnx": lambda root, month: score_stage(
        root, month, lambda folder: OnnxScorer(load_onnx(folder))
    ),
    "whole": score_whole,
}


def worker(way: str, root: Path, month: str) -> None:
    """Score in this process, and print the cost."""
    began = time.perf_counter()
    rows = WAYS[way](root, month)
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak / 1024}))


def cost(way: str, root: Path, month: str) -> Cost:
    """Return the cost of one way, measured in its own process."""
    command = [sys.executable, __file__, "--worker", way, str(root), month]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def fastest(root: Path, month: str, *, rounds: int) -> dict[str, Cost]:
    """Return the fastest run of each way; ways alternate, so that other work affects all."""
    runs = [{way: cost(way, root, month) for way in WAYS} for _ in range(rounds)]
    return {way: min((run[way] for run in runs), key=lambda one: one.seconds) for way in WAYS}


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure a large partition with the stage, and a small one with the stage and its peers."""
    large_rows = effort.pick(quick=500_000, full=10_000_000)
    small_rows = large_rows // 10
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        root = Path(folder)
        write_version(root)
        write_features(root, SMALL, rows=small_rows)
        write_features(root, LARGE, rows=large_rows)
        small = fastest(root, SMALL, rounds=effort.pick(quick=1, full=3))
        large = cost("chunks", root, LARGE)
    if (large.rows, large.peak_mib < LIMIT_MIB) != (large_rows, True):
        raise AssertionError(f"expected {large_rows:,} rows below {LIMIT_MIB} MiB, found {large}")
    chunks, onnx, whole = small["chunks"], small["onnx"], small["whole"]
    yield Ratio(
        "chunks_over_onnx_rows_per_second",
        chunks.rows_per_second / onnx.rows_per_second,
        f"pipeline: {chunks}; ONNX Runtime: {onnx}",
    )
    yield Ratio(
        "chunks_over_whole_frame_rows_per_second",
        chunks.rows_per_second / whole.rows_per_second,
        f"all rows at once: {whole}",
    )
    yield Ratio(
        "whole_frame_over_chunks_peak",
        whole.peak_mib / chunks.peak_mib,
        f"{whole.peak_mib:,.0f} MiB against {chunks.peak_mib:,.0f} MiB on {chunks.rows:,} rows",
    )
    yield Ratio(
        "large_over_small_peak",
        large.peak_mib / chunks.peak_mib,
        f"ten times the rows: {large}",
    )
    yield Ratio(
        "limit_over_peak",
        LIMIT_MIB / large.peak_mib,
        f"{LIMIT_MIB:,} MiB are allowed, {large.peak_mib:,.0f} MiB are used",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        run("scoring", measure)
