"""A search of a training on a store of files, which processes share and a test may kill."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slipway.adapters.experiment_folder import FolderTracking
from slipway.adapters.object_store import open_store
from slipway.records.store import read_json
from tests.fakes.memory_tables import MemoryTables
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

TRAIN = "runs/ferry_delay/request-000001/train"
TRIALS = 5
WITHIN_S = 120.0


def environment(folder: Path, **search: int) -> TrainingEnv:
    """A training on a store of files; the rows are the same in every process."""
    made = TrainingEnv.in_memory(folder)
    made.store = open_store(str(folder / "store"))
    made.tracking = FolderTracking(folder / "experiments")
    made.tables = MemoryTables()
    made.spec = spec(
        estimator={"name": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}},
        search={
            "space": {"C": {"low": 1e-4, "high": 10.0, "log": True}},
            "trials": TRIALS,
            "folds": 3,
            "metric": "log_loss",
            **search,
        },
    )
    made.land(ferry_dataset.crossings(days=60))
    return made


def kept(folder: Path) -> list[Path]:
    """Files of finished trials."""
    return sorted((folder / "store" / TRAIN).glob("trials-*/*.json"))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def trials(env: TrainingEnv) -> list[Any]:
    """The trials that the store keeps, without how long they took."""
    keys = [one.key for one in env.store.list(TRAIN) if "/trials-" in one.key]
    read = [read_json(env.store, key) for key in sorted(keys)]
    return [{**one, "seconds": 0, "spent_s": 0} for one in read]
