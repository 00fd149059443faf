"""Holdout rows in a version's folder: their times, labels and scores, unseen by its training.

Monitoring compares later windows with them, and learns from them how right the scores are.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE = "slipway/holdout.parquet"

MAX_ROWS = 100_000
"""Rows that a version keeps, every n-th one in order of time."""

_TIME, _LABEL, _SCORE = "time", "label", "score"


@dataclass(frozen=True)
class HeldOutRows:
    """Holdout rows of a version, in order of time.

    Attributes:
        times: Event times.
        labels: As `to_target` returns them: codes of classes, or numbers.
        scores: Of shape (n_rows,), or (n_rows, n_classes).
    """

    times: pd.Series[Any]
    labels: pd.Series[Any]
    scores: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.labels)

    def bounded(self) -> HeldOutRows:
        """Return the rows that a version keeps, in order of time."""
        order = self.times.reset_index(drop=True).sort_values(kind="stable").index.to_numpy()
        kept = order[:: max(1, -(-len(order) // MAX_ROWS))]
        times, labels = (one.iloc[kept].reset_index(drop=True) for one in (self.times, self.labels))
        return HeldOutRows(times, labels, self.scores[kept])

    def to_bytes(self) -> bytes:
        """Return the file that `read_held_out` reads."""
        import pandas as pd

        columns = {_TIME: self.times.to_numpy(), _LABEL: self.labels.to_numpy()}
        scores = {_SCORE: self.scores}
        if self.scores.ndim > 1:
            scores = {f"{_SCORE}_{code}": one for code, one in enumerate(self.scores.T)}
        buffer = BytesIO()
        pd.DataFrame(columns | scores).to_parquet(buffer, index=False)
        return buffer.getvalue()


def read_held_out(folder: Path) -> HeldOutRows | None:
    """Return the holdout rows of a version; None of one that keeps none.

    Args:
        folder: Its folder, checked by `open_sealed`.
    """
    return parse_held_out((folder / FILE).read_bytes()) if (folder / FILE).is_file() else None


def parse_held_out(data: bytes) -> HeldOutRows:
    """Return the holdout rows in the bytes of their file."""
    import pandas as pd

    rows = pd.read_parquet(BytesIO(data))
    scores = rows.drop(columns=[_TIME, _LABEL]).to_numpy(dtype="float64")
    return HeldOutRows(
        pd.to_datetime(rows[_TIME], utc=True),
        rows[_LABEL],
        scores[:, 0] if list(rows)[2:] == [_SCORE] else scores,
    )


def kept_file(folder: Path) -> dict[str, bytes]:
    """Return the file of a version's holdout rows by its path; none where it keeps none."""
    return {FILE: (folder / FILE).read_bytes()} if (folder / FILE).is_file() else {}
