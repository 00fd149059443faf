"""Hold out the rows of a sample that a training of the written specs would hold out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.spec.training import Training
from slipway.stages.gates.random_holdout import RandomHoldout
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.measured import Column
from slipway.stages.profile.roles import Chosen
from slipway.stages.profile.sizes import Sizes
from slipway.values.kernels import arrow_type
from slipway.values.row_keys import canonical_texts, composed_keys, row_digests

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


def held_out_rows(
    sizes: Sizes,
    times: pd.Series[Any] | None,
    columns: Mapping[str, Chosen],
    *,
    key: KeyGuess,
    labelled: pd.Series[Any],
) -> np.ndarray[Any, Any]:
    """Return which rows of the sample are held out, as training would hold them out.

    Args:
        sizes: Split, and days of the holdout.
        times: Event times; None: the arrival.
        columns: Columns, with their roles.
        key: Key, by which a random holdout is drawn.
        labelled: Whether each row has a label.
    """
    import numpy as np
    import pandas as pd

    if sizes.split == "time" and times is not None:
        newest = times[labelled.to_numpy()].max() - pd.Timedelta(days=sizes.holdout_days)
        return np.asarray((times >= newest).fillna(value=False), bool)
    return RandomHoldout.of(Training()).holds(row_keys(columns, key))


def row_keys(columns: Mapping[str, Chosen], key: KeyGuess) -> pd.Series[Any]:
    """Return the key of each row of the sample; equal rows have one where the row is the key."""
    import pandas as pd

    if not key.columns:
        keys = row_digests({one.column.name: _values(one.column) for one in _digested(columns)})
    elif len(key.columns) == 1:
        keys = canonical_texts(_values(columns[key.columns[0]].column))
    else:
        keys = composed_keys([_values(columns[name].column) for name in key.columns])
    return pd.Series(keys.fill_null("").to_pylist(), dtype="str")


def _digested(columns: Mapping[str, Chosen]) -> list[Chosen]:
    """Columns of the features that a digest of the row is made of."""
    told = [
        one
        for one in columns.values()
        if one.role not in {"target", "personal"} and not one.column.is_counter
    ]
    return told or list(columns.values())[:1]


def distinct_rows(columns: Mapping[str, Chosen]) -> int:
    """Return how many rows of the sample differ in more than the target."""
    return int(row_keys(columns, KeyGuess((), "")).nunique())


def _values(column: Column) -> pa.Array:
    """Values of a column in its declared type."""
    import pyarrow as pa

    if column.type == "string":
        return pa.array(column.sample.astype(object), pa.string(), from_pandas=True)
    return pa.array(column.sample, from_pandas=True).cast(arrow_type(column.type))
