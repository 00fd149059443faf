"""Engine that scores with the version's original scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from slipway.serving.model_server.engine import Engine, Scores, Values
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.ports.raw_column import RawColumn

DTYPES = {"number": "float64", "string": "object"}
# With missing values; a float would round large integers before the package casts them.
WHOLE_DTYPES: Mapping[str, Any] = {"integer": "Int64", "boolean": "boolean"}


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

    return engine_of(load_package(folder, keys))


def engine_of(package: Package) -> Engine:
    """Engine of a loaded pipeline."""
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
