"""Package port: fit a model, save it as a model version's folder, load and apply it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.model import Estimator
from slipway.stages.ports.raw_column import RawColumn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Package(Protocol):
    """A loaded model version."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The version's manifest."""

    @property
    def signature_columns(self) -> Sequence[RawColumn]:
        """Its raw columns, in its order."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Probability of class 1, or predicted value, of shape (n_rows,).

        Of a multi-class model the probability of each class, of shape (n_rows, n_classes), in the
        order of the manifest's `classes`.

        Raises:
            BadRequest: A required column is missing, or a value cannot be cast.
        """


LoadPackage = Callable[[Path], Package]
"""Loads a model version from its folder."""


@dataclass(frozen=True)
class ReferenceRows:
    """Sample of a training's labelled rows, scored, in time order.

    Times, scores and parts stand beside the features, since a feature may have any name.

    Attributes:
        features: Raw feature columns, of shape (n_rows, n_columns).
        times: Event times, under the name that the dataset has for them.
        scores: Predictions, of shape (n_rows,), or (n_rows, n_classes).
        held_out: Whether each row is of the holdout, of shape (n_rows,).
    """

    features: pd.DataFrame
    times: pd.Series
    scores: np.ndarray[Any, Any]
    held_out: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.features)


@dataclass
class Rounds:
    """Rounds of a boosted fit, which another thread reads while it runs.

    Attributes:
        ended: Returns how many have ended; None: the fit has no rounds, or has not begun.
        planned: Most rounds.
    """

    ended: Callable[[], int] | None = None
    planned: int = 0

    def __str__(self) -> str:
        return "" if self.ended is None else f"round {self.ended():,} of {self.planned:,}"


class FittedModel(Protocol):
    """A fitted model that is not saved yet."""

    def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Scores as of a loaded version."""

    def save(
        self,
        folder: Path,
        *,
        facts: Mapping[str, Any],
        reference: ReferenceRows,
        beside: Mapping[str, bytes],
    ) -> str:
        """Write a model version's complete folder; return the digest of its manifest.

        Args:
            folder: Folder to write.
            facts: Entries of the manifest.
            reference: Reference rows, which monitoring compares with.
            beside: Further files by path.
        """


class Learner(Protocol):
    """Fits a model as its spec and its `pipeline.py` define it."""

    @property
    def pipeline_py(self) -> str | None:
        """Text of the model's `pipeline.py`, if it has one."""

    def with_estimator(self, estimator: Estimator) -> Learner:
        """The learner of the same model with another estimator."""

    def with_key(self, key: str) -> Learner:
        """The learner that hashes personal columns by an older key, named by its id.

        Raises:
            BadParameter: There is no such key.
        """

    def holdout_start(self, rows: pd.DataFrame) -> datetime | None:
        """Start of the holdout by the model's own `split`, or None without one."""

    def learn(
        self,
        rows: pd.DataFrame,
        *,
        classes: Sequence[Label] | None = None,
        calibrate_on: pd.DataFrame | None = None,
        rounds: Rounds | None = None,
    ) -> FittedModel:
        """Fit a model to rows that hold the raw feature columns and the target.

        Args:
            rows: Training rows; the target as `to_target` returns it.
            classes: Classes of the target by their codes; None for a regression.
            calibrate_on: Further rows, by which the scores of the fitted model are corrected.
            rounds: Filled in while the fit runs.
        """


MakeLearner = Callable[[ModelSpec, DatasetSpec, "str | None"], Learner]
"""Returns the learner of a spec with the text of a `pipeline.py`."""
