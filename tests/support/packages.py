"""A made-up model of every estimator, and its saved packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package import Package
from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.estimators import ESTIMATORS as TABLE
from slipway.stages.model.personal_keys import PersonalKeys
from slipway.stages.ports.package import ReferenceRows

ESTIMATORS: tuple[str, ...] = tuple(TABLE)
KEYS = PersonalKeys.parse(b"sixteen bytes or more", where="a test")


def dataset(**pii: str) -> DatasetSpec:
    """Crossings by wind, decks, port and berth.

    Args:
        **pii: Treatment of a personal column, by its name.
    """
    features: dict[str, dict[str, Any]] = {
        "id": {"type": "string", "nullable": False},
        "at": {"type": "timestamp", "nullable": False},
        "wind": {"type": "number"},
        "decks": {"type": "integer", "nullable": False},
        "port": {"type": "string"},
        "berth": {"type": "integer"},
    }
    for name, how in pii.items():
        features[name]["pii"] = how
    labels = {"id": {"type": "string"}, "late": {"type": "number"}}
    return DatasetSpec.model_validate(
        {
            "dataset": "ferries",
            "key": "id",
            "event_time": "at",
            "streams": {"features": {"columns": features}, "labels": {"columns": labels}},
        }
    )


def spec(estimator: str, **params: Any) -> ModelSpec:
    """A model of lateness, in minutes where the estimator is a regressor."""
    task = TABLE[estimator].task
    metric = "roc_auc" if task == "classification" else "r2_score"
    return ModelSpec.model_validate(
        {
            "model": "delay",
            "dataset": "ferries",
            "task": task,
            "target": "late",
            "features": {"numeric": ["wind", "decks"], "categorical": ["port", "berth"]},
            "estimator": {"name": estimator, "params": params},
            "gates": {"metrics": {metric: {}}},
            "monitoring": {"performance": {"metric": metric, "max_absolute_drop": 0.1}},
        }
    )


def rows(count: int = 400) -> pd.DataFrame:
    """Crossings with gaps in wind, port and berth, and whether they were late."""
    random = np.random.default_rng(1)
    wind = random.normal(size=count)
    return pd.DataFrame(
        {
            "id": [f"c{number}" for number in range(count)],
            "at": pd.date_range("2013-01-01", periods=count, freq="h", tz="UTC"),
            "wind": np.where(random.random(count) < 0.1, np.nan, wind),
            "decks": random.integers(1, 5, count),
            "port": pd.Series(random.choice(["Oban", "Mallaig"], count)).where(wind < 2),
            "berth": pd.array([None if one > 2 else int(one > 0) for one in wind], "Int64"),
            "late": (random.random(count) < 1 / (1 + np.exp(-3 * wind))).astype("int64"),
        }
    )


def labelled(spec: ModelSpec) -> pd.DataFrame:
    """The same crossings; the label is a number of minutes for a regressor."""
    crossings = rows()
    if spec.task == "classification":
        return crossings
    minutes = crossings["late"] * 120.5 + crossings["decks"] * 3.7 - 20
    return crossings.assign(late=minutes)


def reference(learned: LearnedModel) -> ReferenceRows:
    """Reference rows as training saves them; the last hundred are of the holdout."""
    crossings = rows()
    return ReferenceRows(
        features=crossings[learned.spec.features.names],
        times=crossings["at"],
        scores=learned.predict(crossings),
        held_out=crossings.index.to_numpy() >= 300,
    )


def saved(
    folder: Path,
    spec: ModelSpec,
    *,
    source: str | None = None,
    declared: DatasetSpec | None = None,
) -> Path:
    """Folder of a trained and saved model."""
    learned = SklearnLearner(spec, declared or dataset(), source, KEYS).learn(labelled(spec))
    facts = {"model": spec.model, "task": spec.task}
    learned.save(folder, facts=facts, reference=reference(learned))
    return folder


def values(package: Package, frame: pd.DataFrame) -> list[list[float | str | None]]:
    """Rows as input of an ONNX model: by column, None where a value is missing."""
    rows = cast(frame, package.columns)
    return [
        [None if pd.isna(value) else value for value in rows[column.name].tolist()]
        for column in package.columns
    ]
