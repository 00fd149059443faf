"""A small model: versions as folders, and requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_encode import encode_rows

MODEL = "delay"

DATASET = DatasetSpec.model_validate(
    {
        "dataset": "flights",
        "key": "flight_id",
        "event_time": "scheduled_departure",
        "streams": {
            "features": {
                "columns": {
                    "flight_id": {"type": "string", "nullable": False},
                    "scheduled_departure": {"type": "timestamp", "nullable": False},
                    "distance": {"type": "number", "nullable": False},
                    "temperature": {"type": "number"},
                    "carrier": {"type": "string", "nullable": False},
                    "origin": {"type": "string"},
                }
            },
            "labels": {"columns": {"flight_id": {"type": "string"}, "late": {"type": "integer"}}},
        },
    }
)
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "dataset": "flights",
        "task": "classification",
        "target": "late",
        "features": {"numeric": ["distance", "temperature"], "categorical": ["carrier", "origin"]},
        "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
        "gates": {"metrics": {"roc_auc": {"threshold": 0.5}}},
        "deployment": {"verify": {"replay_rows": 40, "max_p99_ms": 5000.0}},
        "monitoring": {"performance": {"metric": "roc_auc", "max_absolute_drop": 0.05}},
    }
)


TREES = SPEC.model_copy(
    update={
        "estimator": SPEC.estimator.model_copy(
            update={"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20}}
        )
    }
)


def flights(rows: int, *, seed: int = 1) -> pd.DataFrame:
    """Made-up flights with labels, one per quarter of an hour, some values missing."""
    random = np.random.default_rng(seed)
    start = pd.Timestamp("2013-05-01T00:00:00Z")
    distance = random.uniform(100, 3000, rows)
    carrier = random.choice(["AA", "DL", "UA"], rows)
    frame = pd.DataFrame(
        {
            "flight_id": [f"f{seed}-{number}" for number in range(rows)],
            "scheduled_departure": start + pd.to_timedelta(np.arange(rows) * 15, unit="min"),
            "distance": distance,
            "temperature": random.normal(15, 8, rows),
            "carrier": carrier,
            "origin": random.choice(["EWR", "JFK"], rows),
        }
    )
    frame.loc[frame.index % 7 == 0, "temperature"] = np.nan
    frame.loc[frame.index % 11 == 0, "origin"] = None
    risk = (distance > 1500) * 0.4 + (carrier == "AA") * 0.3 * seed
    return frame.assign(late=(random.uniform(0, 1, rows) < risk).astype(int))


def save_version(folder: Path, *, seed: int, spec: ModelSpec = SPEC) -> None:
    """Train on made-up flights and save a version."""
    rows = flights(400, seed=seed)
    learned = SklearnLearner(spec, DATASET, None).learn(rows)
    facts = {
        "model": MODEL,
        "task": SPEC.task,
        **DATASET.identity.facts(),
    }
    sample = rows.head(50)
    reference = ReferenceRows(
        features=sample[SPEC.features.names],
        times=sample[DATASET.identity.time.column],
        scores=learned.predict(sample),
        held_out=np.ones(50, dtype=bool),
    )
    learned.save(folder, facts=facts, reference=reference)


def use_pipeline(folder: Path) -> None:
    """Let a version be served by its scikit-learn pipeline."""
    change_manifest(folder, engine={"name": "sklearn", "reason": "a test", "parity": None})


def change_manifest(folder: Path, **facts: Any) -> None:
    """Change a version's manifest as if it had been registered so."""
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def tamper(folder: Path) -> None:
    """Change one byte of a version's model file."""
    path = folder / "model.skops"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def request_of(rows: pd.DataFrame, *, probe: bool = False) -> dict[str, Any]:
    """A V2 request for some rows."""
    columns = [
        RawColumn("distance", "number", required=True),
        RawColumn("temperature", "number", required=False),
    ]
    columns += [
        RawColumn("carrier", "string", required=True),
        RawColumn("origin", "string", required=False),
    ]
    return encode_rows(rows, columns, identity=DATASET.identity, probe=probe)


def offline_scores(folder: Path, rows: pd.DataFrame) -> list[float]:
    """Offline predictions of a version's folder."""
    return [float(score) for score in load_package(folder).predict(rows)]
