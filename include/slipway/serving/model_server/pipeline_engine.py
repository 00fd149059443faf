"""Engine that scores with the version's original scikit-learn pipeline."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from slipway.serving.model_server.engine import Engine, Scores, Values
from slipway.serving.model_server.hashed_scoring import hashed_scoring
from slipway.serving.model_server.row_independence import FRAMES
from slipway.serving.model_server.warm_up import plausible_rows
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.ports.raw_column import RawColumn

DTYPES = {"number": "float64", "string": "object"}
# With missing values; a float would round large integers before the package casts them.
WHOLE_DTYPES: Mapping[str, Any] = {"integer": "Int64", "boolean": "boolean"}

logger = logging.getLogger(__name__)


class Package(Protocol):
    """A loaded model version, verified against its digests."""

    @property
    def signature_columns(self) -> Sequence[RawColumn]:
        """Its inputs, in its order."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The version's manifest, including the dataset's key and event time."""

    def predict(self, frame: pd.DataFrame) -> Scores:
        """Scores of shape (n_rows,)."""


def load_pipeline(folder: Path, keys: PersonalKeys = NO_KEYS) -> Engine:
    """Load the pipeline of a version's folder.

    Raises:
        Tampered: A file is missing or differs from its digest.
    """
    from slipway.adapters.model_package import load_package
    from slipway.adapters.model_package.array_scores import UseFrame, array_scores

    package = load_package(folder, keys)
    by_frame = engine_of(package)
    scores = array_scores(package)
    if scores is None:
        return by_frame
    by_array = hashed_scoring(scores, package.columns, package.manifest, keys)

    def score(values: Sequence[Values]) -> Scores:
        try:
            return by_array(values)
        except UseFrame:
            return by_frame.score(values)

    by_array_or_frame = replace(by_frame, score=score)
    return by_array_or_frame if _score_alike(by_array_or_frame, by_frame) else by_frame


def _score_alike(one: Engine, other: Engine) -> bool:
    """Whether two engines of one version give the same scores to the last bit."""
    rows = plausible_rows(one.signature, one.manifest.get("ranges") or {})
    frames = [[column[:length] for column in rows] for length in (1, *FRAMES)]
    is_same = all(np.array_equal(one.score(some), other.score(some)) for some in frames)
    if not is_same:
        logger.warning("the pipeline scores arrays otherwise than frames; it gets frames")
    return is_same


def engine_of(package: Package) -> Engine:
    """Engine of a loaded pipeline, which gets frames."""
    columns = package.signature_columns

    def score(values: Sequence[Values]) -> Scores:
        return package.predict(frame_of(values, columns))

    return Engine("sklearn", columns, package.manifest, score)


def frame_of(values: Sequence[Values], columns: Sequence[RawColumn]) -> pd.DataFrame:
    """Raw inputs of shape (n_rows, n_features), numbers by declared type, object for strings.

    Args:
        values: Values by column, None for missing.
        columns: The model's inputs.
    """
    return pd.DataFrame(
        {
            column.name: _cells(column_values, column)
            for column, column_values in zip(columns, values, strict=True)
        }
    )


def _cells(values: Values, column: RawColumn) -> Any:
    if column.kind == "number" and column.type is not None and column.type in WHOLE_DTYPES:
        cells: Sequence[Any] = values
        return pd.Series(cells, dtype=WHOLE_DTYPES[column.type])
    return np.array(values, dtype=DTYPES[column.kind])
