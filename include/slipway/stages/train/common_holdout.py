"""Read the holdout rows of a version that no contender was trained on, and its training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.gates.random_holdout import holdout_keys, unseen_by
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CommonRows:
    """Labelled rows of a contest.

    Attributes:
        holdout: Holdout rows of the first contender that none was trained on; of one without a
            holdout, the rows that are newer than those it was trained on.
        training: Rows that the first contender was trained on, by its manifest.
    """

    holdout: pd.DataFrame
    training: pd.DataFrame


def common_rows(
    spec: ModelSpec,
    dataset: DatasetSpec,
    tables: Tables,
    pins: Snapshot,
    manifests: Sequence[Mapping[str, Any]],
) -> CommonRows:
    """Return the rows of a contest, each with the columns that contenders and gates need.

    Args:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        pins: Versions of the tables.
        manifests: Manifests of the contenders, the challenger's first.
    """
    declared = dataset.streams.features.columns
    inputs = [column["name"] for manifest in manifests for column in manifest["features"]]
    inputs += spec.gates.holdout_columns
    rows = read_labelled(
        tables,
        dataset,
        pins,
        columns=[name for name in dict.fromkeys(inputs) if name in declared],
        target=spec.target,
    )
    identity, first = dataset.identity, manifests[0]
    times, keys = rows[identity.time.column], holdout_keys(rows, identity.key)
    unseen_by_first = unseen_by(first, times, keys)
    unseen = unseen_by_first
    if "holdout_start" in first:
        unseen = unseen & (times >= datetime.fromisoformat(first["holdout_start"]))
    for manifest in manifests[1:]:
        unseen = unseen & unseen_by(manifest, times, keys)
    learnt = ~unseen_by_first & (times >= datetime.fromisoformat(first["training_start"]))
    return CommonRows(rows[unseen], rows[learnt])
