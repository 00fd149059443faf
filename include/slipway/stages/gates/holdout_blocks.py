"""Divide holdout rows into blocks that are resampled as a whole: times, keys or a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.gates import Gates
from slipway.stages.model.key_text import key_texts
from slipway.stages.ports.metrics import Resampling

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec

MOST_BLOCKS = 200
"""More blocks are joined to so many: they tell the error of a gain no better."""

_FREQUENCIES = {"minute": "min", "hour": "h", "day": "D", "week": "7D"}


@dataclass(frozen=True)
class HoldoutBlocks:
    """Blocks of holdout rows.

    Attributes:
        numbers: Number of each row's block, from 0, of shape (n_rows,).
        found: Number of blocks that there are, before many are joined.
        unit: What a block is, in the singular.
        in_order: Whether they follow one another in time.
    """

    numbers: np.ndarray[Any, Any]
    found: int
    unit: str
    in_order: bool

    def resampling(self, gates: Gates, *, seed: int) -> Resampling:
        """Return how a model's gates resample them."""
        return Resampling(
            blocks=self.numbers,
            count=min(self.found, MOST_BLOCKS),
            in_order=self.in_order,
            resamples=gates.resamples,
            confidence=gates.confidence,
            seed=seed,
        )


def divide_into_blocks(
    rows: pd.DataFrame, spec: ModelSpec, *, event_time: str, keys: pd.Series
) -> HoldoutBlocks:
    """Divide holdout rows by their event time, or by their key or a column.

    Args:
        rows: Holdout rows.
        spec: Model, whose gates name the blocks.
        event_time: Name of the event-time column.
        keys: Key of each row, by which rows are held out at random.
    """
    gates = spec.gates
    if gates.cluster is not None:
        return _by_value(rows[gates.cluster].astype("str"), unit=f"value of {gates.cluster}")
    unit = gates.blocks or ("key" if spec.training.split == "random" else "day")
    if unit == "key":
        return _by_value(key_texts(keys), unit="key")
    return divide_by_time(rows[event_time], unit=unit)


def divide_by_time(times: pd.Series, *, unit: str) -> HoldoutBlocks:
    """Divide rows by their event time.

    Args:
        times: Event time of each row.
        unit: `minute`, `hour`, `day`, `week` or `month`.
    """
    import numpy as np

    # Without a time zone NumPy has them as integers, not as objects.
    moments = times.dt.tz_localize(None)
    if unit == "month":
        starts = moments.dt.to_period("M").dt.start_time
    else:
        starts = moments.dt.floor(_FREQUENCIES[unit])
    found, numbers = np.unique(starts.to_numpy(), return_inverse=True)
    if len(found) > MOST_BLOCKS:
        numbers = numbers * MOST_BLOCKS // len(found)
    return HoldoutBlocks(numbers, len(found), unit, in_order=True)


def _by_value(values: pd.Series, *, unit: str) -> HoldoutBlocks:
    import numpy as np
    import pandas as pd

    hashes = pd.util.hash_array(values.astype("object").to_numpy(), categorize=False)
    found, numbers = np.unique(hashes, return_inverse=True)
    if len(found) > MOST_BLOCKS:
        numbers = numbers % MOST_BLOCKS
    return HoldoutBlocks(numbers, len(found), unit, in_order=False)
