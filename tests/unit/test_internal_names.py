"""Columns of any name: those that Slipway computes beside them never collide with a user's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.attempts import Attempt
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.spec import DatasetSpec
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.performance.measure_performance import measure_performance
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, PlainReports
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN, TrainingEnv, spec

START = datetime(2013, 1, 1, tzinfo=UTC)
ROWS = 1600
INTERNAL = ("part", "constant", "held_out", "training", "index", "target", "prediction", "batch")
OF_THE_LOG = ("score", "label", "key", "row", "version", "event_time", "received_at", "request_id")


def dataset(*, key: str, event_time: str, numbers: list[str], target: str) -> DatasetSpec:
    """A dataset with these names of columns."""
    features = {key: {"type": "string"}, event_time: {"type": "timestamp"}}
    features |= {name: {"type": "number"} for name in numbers}
    labels = {key: {"type": "string"}, target: {"type": "integer"}}
    return DatasetSpec.model_validate(
        {
            "dataset": "ferries",
            "key": key,
            "event_time": event_time,
            "streams": {"features": {"columns": features}, "labels": {"columns": labels}},
        }
    )


def landed(env: TrainingEnv, names: dict[str, Any]) -> pd.DataFrame:
    """Publish rows whose first number decides the label; return them with the label."""
    random = np.random.default_rng(3)
    rows = pd.DataFrame({name: random.normal(size=ROWS) for name in names["numbers"]})
    rows[names["key"]] = [f"c{number:05d}" for number in range(ROWS)]
    rows[names["event_time"]] = pd.date_range(START, periods=ROWS, freq="h")
    rows[names["target"]] = (rows[names["numbers"][0]] > random.normal(size=ROWS)).astype("int64")
    streams = {
        "features": rows.drop(columns=names["target"]),
        "labels": rows[[names["key"], names["target"]]],
    }
    store = MemoryStore()
    store.create("runs/ferries/publish/ingest/attempt-0001.json", b"{}")
    newest = rows[names["event_time"]].max().isoformat()
    for stream, frame in streams.items():
        env.tables.publish(
            f"ferries/{stream}",
            [frame.assign(_delivery=1)],
            batch="one",
            writer=stream,
            attempt=Attempt(store, RunRef("ferries", "publish", "ingest"), 1),
            note={"batch": "one", "delivery": "1", "newest": newest},
        )
    return rows


@pytest.mark.parametrize("target", [*INTERNAL[:3], *OF_THE_LOG])
def test_no_name_of_a_column_collides_with_an_internal_one(tmp_path: Path, target: str) -> None:
    """Trained, evaluated, promoted, compared with its reference and with its labels."""
    names = {
        "key": "held_out" if target != "held_out" else "id",
        "event_time": "score" if target != "score" else "label",
        "numbers": [name for name in INTERNAL if name not in {target, "held_out"}],
        "target": target,
    }
    env = TrainingEnv.in_memory(tmp_path)
    env.dataset = dataset(**names)
    env.spec = spec(target=target, features={"numeric": names["numbers"]})
    rows = landed(env, names)
    version = env.champion()
    assert float(env.registry.version(env.spec.model, version).tags["slipway.metric.roc_auc"]) > 0.7

    logged = pd.DataFrame(
        {
            "request_id": rows[names["key"]],
            "row": 0,
            "key": rows[names["key"]],
            "event_time": rows[names["event_time"]],
            "received_at": rows[names["event_time"]],
            "version": version,
            "score": 1 / (1 + np.exp(-rows[names["numbers"][0]])),
        }
    ).join(rows[names["numbers"]])
    common: dict[str, Any] = {
        "window": f"2013-02-v{version}",
        "context": RunContext(env.store, ORIGIN),
        "registry": env.registry,
        "log": MemoryLog(logged),
    }
    drift = measure_drift(env.spec, env.dataset, reports=PlainReports(), **common).verdict
    assert drift.action in {"ok", "drifting"}
    assert drift.numbers["rows"] == int(timedelta(days=28) / timedelta(hours=1))
    assert {f"distance.{name}" for name in names["numbers"]} & set(drift.numbers)
    performance = measure_performance(
        env.spec, env.dataset, tables=env.tables, tools=performance_tools(), **common
    ).verdict
    assert performance.numbers["labelled"] == drift.numbers["rows"]
    assert float(performance.numbers["roc_auc"] or 0) > 0.7
