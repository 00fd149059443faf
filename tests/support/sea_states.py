"""Crossings whose label is one of several classes: the state of the sea."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.spec import ModelSpec
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

STATES = ("calm", "choppy", "rough")
DAYS = 60
METRIC = "f1_macro"


def states(rows: pd.DataFrame, *, seed: int = 3) -> pd.Series[Any]:
    """The state of the sea at each crossing, which the wind tells in most cases."""
    noise = np.random.default_rng(seed).normal(0, 1.5, len(rows))
    ranks = np.digitize(rows["wind"] + noise, [8.0, 14.0])
    return pd.Series(np.array(STATES)[ranks], index=rows.index, dtype="str")


def model(**changes: Any) -> ModelSpec:
    """A model of the sea's state."""
    value: dict[str, Any] = {
        "task": "multiclass",
        "gates": {"min_holdout_rows": 100, "metrics": {METRIC: {"threshold": 0.5}}},
        "monitoring": {
            "window": "month",
            "min_rows": 100,
            "performance": {"metric": METRIC, "max_absolute_drop": 0.1},
        },
    }
    return spec(**value | changes)


def crossings(*, days: int = DAYS, seed: int = 1) -> pd.DataFrame:
    """Crossings with the sea's state as their label."""
    rows = ferry_dataset.crossings(days=days, seed=seed)
    return rows.assign(late=states(rows))


def env(folder: Path, rows: pd.DataFrame | None = None, **changes: Any) -> TrainingEnv:
    """An environment with landed crossings."""
    made = TrainingEnv.in_memory(folder)
    made.spec = model(**changes)
    made.dataset = ferry_dataset.dataset(label=changes.pop("label", "string"))
    made.land(crossings() if rows is None else rows)
    return made
