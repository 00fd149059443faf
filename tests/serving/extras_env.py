"""Versions that answer outlier scores and explanations, loaded without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.learned_model import without_engine
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.errors import SlipwayError
from slipway.serving.model_server.load_model import load_model
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import Explainable, PredictRequest
from slipway.serving.prediction_log.write_ahead_log import Record
from slipway.serving.server_options import Options
from slipway.serving.v2.protocol import Encoded
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.package import ReferenceRows
from tests.serving.model_versions import DATASET, MODEL, SPEC, flights, request_of
from tests.support.packages import KEYS

LATE = 1e12
"""A deadline that no explanation reaches."""

TASKS: Mapping[str, dict[str, Any]] = {
    "classification": {"estimator": {"name": "xgboost.XGBClassifier"}},
    "multiclass": {
        "task": "multiclass",
        "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
        "gates": {"metrics": {"f1_macro": {"threshold": 0.1}}},
        "monitoring": {"performance": {"metric": "f1_macro", "max_absolute_drop": 0.1}},
    },
    "regression": {
        "task": "regression",
        "estimator": {"name": "sklearn.linear_model.Ridge"},
        "gates": {"metrics": {"r2_score": {}}},
        "monitoring": {"performance": {"metric": "r2_score", "max_absolute_drop": 0.1}},
    },
}
CLASSES: Mapping[str, Sequence[int] | None] = {
    "classification": (0, 1),
    "multiclass": (0, 1, 2),
    "regression": None,
}


@dataclass
class MemoryLog:
    """A prediction log that keeps its records in memory."""

    records: list[Record] = field(default_factory=list)

    def append(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)

    def roll(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def free_bytes(self) -> int:
        """More than any limit."""
        return 1 << 40


def spec_of(task: str = "classification", **deployment: Any) -> ModelSpec:
    """A model whose versions answer both, unless `deployment` says otherwise."""
    asked = {"outlier_scores": True, "explanations": True} | deployment
    return ModelSpec.model_validate(SPEC.model_dump() | TASKS[task] | {"deployment": asked})


def labelled(task: str) -> pd.DataFrame:
    """Flights with a target of a task."""
    rows = flights(400)
    if task == "classification":
        return rows
    distance = rows["distance"]
    late = distance / 1000 if task == "regression" else np.digitize(distance, [1000, 2000])
    return rows.assign(late=late)


def save(
    folder: Path, spec: ModelSpec, *, dataset: DatasetSpec = DATASET, onnx: bool = False
) -> Path:
    """Train a version and save it, with its ONNX form only if asked: it takes seconds to check."""
    rows = labelled(spec.task)
    learned = SklearnLearner(spec, dataset, None, KEYS).learn(rows, classes=CLASSES[spec.task])
    reference = ReferenceRows(
        features=rows[spec.features.names],
        times=rows[dataset.identity.time.column],
        scores=learned.predict(rows),
        held_out=np.ones(len(rows), dtype=bool),
    )
    facts = {"model": MODEL, "task": spec.task, **dataset.identity.facts()}
    if not onnx:
        learned = replace(learned, find_engine=without_engine)
    learned.save(folder, facts=facts, reference=reference)
    return folder


def load(folder: Path, log: MemoryLog, **options: Any) -> LoadedModel:
    """Load a version as a server does."""
    metrics = Metrics(MODEL, 1)
    found = load_model(MODEL, 1, folder, log=log, options=Options(**options), metrics=metrics)
    assert isinstance(found, LoadedModel), found
    return found


def asked(rows: pd.DataFrame, **parts: Any) -> PredictRequest:
    """An infer request with further fields."""
    return PredictRequest(json.dumps(request_of(rows) | parts).encode(), 0, "given")


def answered(model: LoadedModel, request: PredictRequest, *, until: float = LATE) -> Any:
    """The answer to a request, explained if it asks for that."""
    [outcome] = model.answer([request])
    return model.explain(outcome, until=until) if isinstance(outcome, Explainable) else outcome


def outputs(answer: Encoded | SlipwayError) -> dict[str, Any]:
    """Outputs of an answer by name, as arrays of their shape."""
    assert isinstance(answer, Encoded), answer
    found = json.loads(answer.body)["outputs"]
    return {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in found}
