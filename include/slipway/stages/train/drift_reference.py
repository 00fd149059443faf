"""Sample the reference that monitoring compares windows with: rows of a training, scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.package import FittedModel
from slipway.stages.train.splitting import PART, Split

if TYPE_CHECKING:
    import pandas as pd

MAX_REFERENCE_ROWS = 20_000
"""Size of the reference sample."""


def sample_reference(
    parts: Split, learned: FittedModel, *, spec: ModelSpec, dataset: DatasetSpec
) -> pd.DataFrame:
    """Sample of all rows with their scores, in time order."""
    count = min(len(parts.rows), MAX_REFERENCE_ROWS)
    sample = parts.rows.sample(count, random_state=spec.training.seed).sort_index()
    columns = [*spec.features.names, dataset.event_time, PART]
    return sample[columns].assign(score=learned.predict(sample))
