"""Features of holdout rows beside their labels and scores, from which errors can be learnt.

Regressions alone need them: the share of a class follows from its scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE = "slipway/holdout_features.parquet"

MAX_ROWS, MAX_CELLS = 10_000, 2_000_000
"""Rows that a version keeps, every n-th one in order of time; fewer of very many columns."""

_LABEL, _SCORE, _FEATURE = "label", "score", "feature."


@dataclass(frozen=True)
class HeldOutFeatures:
    """Holdout rows of a version with their features, in order of time.

    Attributes:
        features: Raw features without personal data, of shape (n_rows, n_columns).
        labels: Numbers, of shape (n_rows,).
        scores: Of shape (n_rows,).
    """

    features: pd.DataFrame
    labels: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any]

    def bounded(self) -> HeldOutFeatures:
        """Return the rows that a version keeps."""
        most = max(1, min(MAX_ROWS, MAX_CELLS // max(1, self.features.shape[1])))
        each = slice(None, None, max(1, -(-len(self.labels) // most)))
        return HeldOutFeatures(self.features.iloc[each], self.labels[each], self.scores[each])

    def to_bytes(self) -> bytes:
        """Return the file that `parse_held_out_features` reads."""
        rows = self.features.add_prefix(_FEATURE)
        rows[_LABEL], rows[_SCORE] = self.labels, self.scores
        buffer = BytesIO()
        rows.to_parquet(buffer, index=False)
        return buffer.getvalue()


def parse_held_out_features(data: bytes) -> HeldOutFeatures:
    """Return the rows in such a file."""
    import pandas as pd

    rows = pd.read_parquet(BytesIO(data))
    features = rows.drop(columns=[_LABEL, _SCORE])
    features.columns = [str(name).removeprefix(_FEATURE) for name in features]
    return HeldOutFeatures(
        features, rows[_LABEL].to_numpy(dtype="float64"), rows[_SCORE].to_numpy(dtype="float64")
    )


def kept_file(folder: Path) -> dict[str, bytes]:
    """Return that file of a version by its path; none where it keeps none."""
    return {FILE: (folder / FILE).read_bytes()} if (folder / FILE).is_file() else {}
