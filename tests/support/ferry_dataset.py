"""A small made-up dataset and model for monitoring: ferry crossings, late or on time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.spec import DatasetSpec, ModelSpec
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables

START = datetime(2013, 1, 1, tzinfo=UTC)
ROWS_PER_DAY = 40


def dataset(
    *,
    pii: Mapping[str, str] | None = None,
    label: str = "integer",
    one_file: bool = False,
) -> DatasetSpec:
    """Crossings by id, with wind and port as features and lateness as label.

    Args:
        pii: Treatment of personal columns in the log, by name.
        label: Declared type of the label.
        one_file: Whether the labels stand in the features' files.
    """
    features: dict[str, dict[str, Any]] = {
        "crossing": {"type": "string", "nullable": False},
        "departs": {"type": "timestamp", "nullable": False},
        "wind": {"type": "number"},
        "port": {"type": "string"},
    }
    for name, treatment in (pii or {}).items():
        features[name]["pii"] = treatment
    key = {"crossing": {"type": "string", "nullable": False}}
    late = {"late": {"type": label}}
    labels: dict[str, Any] = {"columns": {**key, **late}}
    if one_file:
        labels = {"from": "features", "columns": late}
    return DatasetSpec.model_validate(
        {
            "dataset": "ferries",
            "key": "crossing",
            "event_time": "departs",
            "streams": {"features": {"columns": features}, "labels": labels},
        }
    )


def model(
    *, monitoring: dict[str, Any] | None = None, retraining: dict[str, Any] | None = None
) -> ModelSpec:
    """A model of lateness with monthly monitoring windows."""
    watched = {
        "window": "month",
        "min_rows": 100,
        "performance": {"metric": "roc_auc", "max_absolute_drop": 0.05},
    }
    return ModelSpec.model_validate(
        {
            "model": "ferry_delay",
            "dataset": "ferries",
            "task": "classification",
            "target": "late",
            "features": {"numeric": ["wind"], "categorical": ["port"]},
            "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
            "gates": {"metrics": {"roc_auc": {}}},
            "monitoring": watched | (monitoring or {}),
            "retraining": {"first_after_labels": 1000} | (retraining or {}),
        }
    )


def crossings(*, days: int, start: datetime = START, seed: int = 1) -> pd.DataFrame:
    """Crossings in time order: features, a score that rises with the wind, and the label."""
    random = np.random.default_rng(seed)
    count = days * ROWS_PER_DAY
    wind = random.gamma(4, 3, count)
    score = 1 / (1 + np.exp(2 - wind / 6))
    first = (start - START).days * ROWS_PER_DAY
    return pd.DataFrame(
        {
            "crossing": [f"c{first + number:07d}" for number in range(count)],
            "departs": pd.DatetimeIndex(
                [start + timedelta(minutes=36 * number) for number in range(count)]
            ),
            "wind": wind,
            "port": random.choice(["Oban", "Mallaig", "Ullapool"], count),
            "score": score,
            "late": (random.random(count) < score).astype("int64"),
        }
    )


def logged(rows: pd.DataFrame, *, version: int = 1) -> pd.DataFrame:
    """The same rows as they are in one version's prediction log."""
    return pd.DataFrame(
        {
            "request_id": [f"r{version}-{number // 50}" for number in range(len(rows))],
            "row": [number % 50 for number in range(len(rows))],
            "key": rows["crossing"].to_numpy(),
            "event_time": rows["departs"].to_numpy(),
            "received_at": rows["departs"].to_numpy(),
            "version": version,
            "score": rows["score"].to_numpy(),
            "wind": rows["wind"].to_numpy(),
            "port": rows["port"].to_numpy(),
        }
    ).assign(event_time=lambda frame: pd.to_datetime(frame["event_time"], utc=True))


def publish(
    tables: MemoryTables,
    rows: pd.DataFrame,
    *,
    labels: pd.DataFrame | None = None,
    delivery: int | None = None,
    one_file: bool = False,
) -> None:
    """Publish rows as one batch of features and, if given, labels, as the next delivery.

    In one file the rows hold their own labels.
    """
    number = delivery or 1 + sum(
        tables.version(f"ferries/{one}") or 0 for one in ("features", "labels")
    )
    batch = rows["departs"].iloc[0].strftime("%Y-%m-%d")
    own = ["late"] if one_file else []
    streams = {"features": rows[["crossing", "departs", "wind", "port", *own]]}
    if labels is not None:
        streams["labels"] = labels[["crossing", "late"]]
    for stream, frame in streams.items():
        known = frame.assign(_delivery=number)
        note = {"batch": batch, "delivery": str(number)}
        if stream == "features":
            note["newest"] = rows["departs"].max().isoformat()
        store: Store = MemoryStore()
        store.create("runs/ferries/publish/ingest/attempt-0001.json", b"{}")
        attempt = Attempt(store, RunRef("ferries", "publish", "ingest"), 1)
        tables.publish(
            f"ferries/{stream}",
            [known],
            batch=batch,
            writer=f"{stream}-{batch}",
            attempt=attempt,
            note=note,
        )
