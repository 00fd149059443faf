"""Hold rows out at random, by a hash of each row's key.

A row is on the same side in every training with the same seed and share, and so are all rows of one
key: a champion's holdout can be found again among later rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.stages.model.key_text import key_texts
from slipway.stages.model.shipped import RANDOM_HOLDOUT
from slipway.values.row_keys import OCCURRENCE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec.identity import RowKey
    from slipway.spec.training import Training

_HASHES = 2**64


@dataclass(frozen=True)
class RandomHoldout:
    """A random share of all keys.

    Attributes:
        share: Share of the keys that is held out.
        seed: Seed of the choice.
    """

    share: float
    seed: int

    @classmethod
    def of(cls, training: Training) -> RandomHoldout:
        """Return the holdout that a spec asks for."""
        return cls(training.holdout_share, training.seed)

    @classmethod
    def of_version(cls, manifest: Mapping[str, Any]) -> RandomHoldout | None:
        """Return the holdout of a version; None where its rows were split by time."""
        kept = manifest.get(RANDOM_HOLDOUT)
        return None if kept is None else cls(float(kept["share"]), int(kept["seed"]))

    def to_json(self) -> dict[str, Any]:
        """Return the holdout as a version's manifest keeps it."""
        return asdict(self)

    def holds(self, keys: pd.Series) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which keys are held out, of shape (n_rows,)."""
        import numpy as np
        import pandas as pd

        texts = key_texts(keys).astype("object").to_numpy()
        hashes = pd.util.hash_array(texts, hash_key=f"{self.seed:016x}", categorize=False)
        held: np.ndarray[Any, np.dtype[np.bool_]] = hashes < np.uint64(int(self.share * _HASHES))
        return held


def holdout_keys(rows: pd.DataFrame, key: RowKey) -> pd.Series:
    """Return the keys by which rows are held out: equal rows have one, so no twin tells a label.

    Args:
        rows: Rows with their key.
        key: Key of the dataset.
    """
    keys = rows[key.column]
    if key.source != "row":
        return keys
    digests: pd.Series = keys.str.partition(OCCURRENCE)[0]
    return digests


def unseen_by(manifest: Mapping[str, Any], times: pd.Series, keys: pd.Series) -> pd.Series:
    """Tell which rows a version was not trained on: newer ones, and those that it held out.

    Args:
        manifest: Manifest of the version.
        times: Event time of each row.
        keys: Key of each row.
    """
    newer: pd.Series = times > datetime.fromisoformat(manifest["training_end"])
    random = RandomHoldout.of_version(manifest)
    return newer if random is None else newer | random.holds(keys)
