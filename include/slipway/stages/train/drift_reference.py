"""Sample the reference that monitoring compares windows with: rows of a training, scored."""

from __future__ import annotations

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.package import FittedModel, ReferenceRows
from slipway.stages.train.splitting import Split

MAX_REFERENCE_ROWS = 20_000
"""Size of the reference sample."""


def sample_reference(
    parts: Split, learned: FittedModel, *, spec: ModelSpec, dataset: DatasetSpec
) -> ReferenceRows:
    """Return a sample of all rows with their scores, in time order."""
    import pandas as pd

    count = min(len(parts.rows), MAX_REFERENCE_ROWS)
    places = pd.Series(range(len(parts.rows)))
    chosen = places.sample(count, random_state=spec.training.seed).sort_values().to_numpy()
    # A random holdout follows the training rows without being newer.
    times = parts.rows[dataset.identity.time.column].iloc[chosen]
    chosen = chosen[times.argsort(kind="stable").to_numpy()]
    sample = parts.rows.iloc[chosen].reset_index(drop=True)
    return ReferenceRows(
        features=sample[spec.features.names],
        times=sample[dataset.identity.time.column],
        scores=learned.predict(sample),
        held_out=chosen >= parts.training_rows,
    )
