"""Divide training rows into folds; rows of the holdout are never among them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Fold:
    """A fold: which training rows a fit learns from, and which it is measured on.

    Attributes:
        learning: Places of the rows that it learns from, of shape (n_learning,).
        measured: Places of the rows that it is measured on, of shape (n_measured,).
    """

    learning: np.ndarray[Any, Any]
    measured: np.ndarray[Any, Any]


def folds_by_time(times: pd.Series[Any], *, count: int) -> Sequence[Fold]:
    """Divide rows so that each fold is measured on rows newer than all that it learns from.

    The rows are cut into `count` + 1 parts of about as many rows each, between two event times;
    fold i is measured on part i + 1 and learns from all parts before it, without a gap.

    Args:
        times: Event times in order, of shape (n_rows,).
        count: Number of folds.

    Raises:
        NotComputable: There are too few different event times.
    """
    import numpy as np

    values = times.to_numpy()
    wanted = [len(values) * part // (count + 1) for part in range(1, count + 1)]
    # Rows of one event time stay together: a cut moves back to the first of them.
    cuts = [int(np.searchsorted(values, values[place], side="left")) for place in wanted]
    edges = [0, *cuts, len(values)]
    if any(after <= before for before, after in itertools.pairwise(edges)):
        raise NotComputable(
            f"the training rows cannot be divided into {count} folds by time",
            expected=f"rows of {count + 1} or more event times, none of which most rows share",
            found=f"{times.nunique():,} event times among {len(values):,} rows",
            hint="lower `search.folds` in model.yaml, or set `training: {split: random}`",
        )
    return [
        Fold(np.arange(begin), np.arange(begin, end))
        for begin, end in zip(cuts, edges[2:], strict=True)
    ]


def folds_by_key(keys: pd.Series[Any], *, count: int, seed: int) -> Sequence[Fold]:
    """Divide rows at random, all rows of a key together, so that no twin tells a label.

    Args:
        keys: Key of each row, of shape (n_rows,).
        count: Number of folds.
        seed: Seed of the division.

    Raises:
        NotComputable: A fold has no rows.
    """
    import numpy as np
    import pandas as pd

    from slipway.stages.model.key_text import key_texts

    texts = key_texts(keys).astype("object").to_numpy()
    # Another hash than that of the random holdout, which has taken the smallest ones.
    hashes = pd.util.hash_array(texts, hash_key=f"{seed:08x}fold0000", categorize=False)
    part = (hashes % np.uint64(count)).astype(np.int64)
    found = [Fold(np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(count)]
    if any(len(fold.measured) == 0 or len(fold.learning) == 0 for fold in found):
        raise NotComputable(
            f"the training rows cannot be divided into {count} folds by their keys",
            expected=f"rows of many more than {count} keys",
            found=f"{keys.nunique():,} keys among {len(keys):,} rows",
            hint="lower `search.folds` in model.yaml",
        )
    return found
