"""Load a model version: its pipeline, its raw columns and its manifest.

Runs in stages and in model servers; imports no MLflow, which would cost a server seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from slipway.adapters.model_package.calibrated import below_calibration
from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.hashed_columns import (
    NOT_HASHED,
    HashedColumns,
    hashed_by_manifest,
)
from slipway.adapters.model_package.pipeline_py import import_pipeline_py
from slipway.adapters.model_package.runtime import check_runtime
from slipway.adapters.model_package.scored_classes import ScoredClasses, scored_classes
from slipway.adapters.model_package.trusted_types import TRUSTED, untrusted
from slipway.errors import Tampered
from slipway.spec.metrics import Task
from slipway.stages.model.manifest import (
    AGAIN,
    MANIFEST,
    MODEL,
    PIPELINE_PY,
    open_sealed,
)
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.ports.raw_column import RawColumn, columns_of


@dataclass(frozen=True)
class Package:
    """A fitted model that takes raw feature columns.

    Attributes:
        pipeline: The scikit-learn pipeline.
        task: Kind of prediction.
        columns: Raw columns, in the order of the signature.
        manifest: The version's manifest; empty before it is saved.
        scored: Classes of a multi-class model; None of others.
        hashed: Its personal columns.
    """

    pipeline: Pipeline
    task: Task
    columns: tuple[RawColumn, ...]
    manifest: Mapping[str, Any]
    scored: ScoredClasses | None = None
    hashed: HashedColumns = NOT_HASHED

    @property
    def signature_columns(self) -> tuple[RawColumn, ...]:
        """The raw columns, in the order of the signature."""
        return self.columns

    @property
    def pipeline_columns(self) -> tuple[RawColumn, ...]:
        """The columns as the pipeline takes them, personal ones as hashes."""
        return self.hashed.columns(self.columns)

    def pipeline_rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows as the pipeline takes them: cast, with hashes in place of personal values.

        Raises:
            BadRequest: A required column is missing, or one holds what cannot be cast.
        """
        return self.hashed.of(cast(frame, self.columns))

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Probability of class 1, or predicted value, as float64 of shape (n_rows,).

        Of a multi-class model the probability of each class, of shape (n_rows, n_classes).

        Args:
            frame: Rows with the raw feature columns; others are ignored.

        Raises:
            BadRequest: A required column is missing, or one holds what cannot be cast.
        """
        return self.score(self.pipeline_rows(frame))

    def score(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scores of rows as `pipeline_rows` returns them."""
        if rows.empty:
            return np.empty(0) if self.scored is None else np.empty((0, self.scored.count))
        return self.answers(self.pipeline, rows)

    def answers(self, model: Any, rows: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scores of the pipeline, or of its last step for prepared rows.

        Args:
            model: The pipeline, or its estimator.
            rows: Rows as it takes them.
        """
        if self.scored is not None:
            return self.scored.spread(model.predict_proba(rows))
        if self.task == "classification":
            scores = model.predict_proba(rows)[:, 1]
        else:
            scores = model.predict(rows)
        return np.asarray(scores, dtype=np.float64)


def load_package(folder: Path, keys: PersonalKeys = NO_KEYS) -> Package:
    """Load the model from a version's folder, after checking its files against the manifest.

    Args:
        folder: A model version's folder, downloaded from the registry.
        keys: Keys of personal columns.

    Raises:
        BadParameter: The version hashes personal columns by a key that is not there.
        Tampered: A file differs from its digest, or the model needs types that are not trusted.
        IncompatibleRuntime: Under the versions found here it can answer differently.
    """
    manifest = open_sealed(folder)
    lacking = [name for name in ("model", "task", "trusted_types") if name not in manifest]
    if lacking:
        raise Tampered(
            "the manifest of a model version lacks what its pipeline needs",
            expected=", ".join(lacking),
            where=str(folder / MANIFEST),
            hint=AGAIN,
        )
    check_runtime(manifest, where=str(folder / MODEL))
    listed = manifest["trusted_types"]
    beyond = untrusted(listed, own_module=_own_module(manifest, folder))
    if beyond:
        raise Tampered(
            "a model version needs types that Slipway does not trust",
            expected=", ".join(sorted(TRUSTED)),
            found=", ".join(beyond),
            where=str(folder / MODEL),
            hint=AGAIN,
        )
    try:
        pipeline = skops.io.load(folder / MODEL, trusted=listed)
    except UntrustedTypesFoundException as error:
        raise Tampered(
            "a model version holds types that its manifest does not list",
            found=str(error),
            where=str(folder / MODEL),
            hint=AGAIN,
        ) from error
    return Package(
        use_one_thread(pipeline),
        manifest["task"],
        columns_of(manifest),
        manifest,
        scored_classes(manifest),
        hashed_by_manifest(manifest, keys),
    )


def _own_module(manifest: Mapping[str, Any], folder: Path) -> str | None:
    if PIPELINE_PY not in manifest["files"]:
        return None
    return import_pipeline_py(manifest["model"], (folder / PIPELINE_PY).read_text()).__name__


def use_one_thread(pipeline: Pipeline) -> Pipeline:
    """Make a pipeline predict on one thread, and return it.

    A model keeps the number of threads of its training;
    more than one makes a one-row prediction several times slower on busy cores.
    """
    threads = [name for name in pipeline.get_params() if name.split("__")[-1] == "n_jobs"]
    pipeline.set_params(**dict.fromkeys(threads, 1))
    last = pipeline.steps[-1][1]
    estimator = below_calibration(last)
    if estimator is not last and "n_jobs" in estimator.get_params(deep=False):
        # A calibration shows no parameters of what it corrects.
        estimator.set_params(n_jobs=1)
    if hasattr(estimator, "get_booster"):
        estimator.get_booster().set_param({"nthread": 1})
    return pipeline
