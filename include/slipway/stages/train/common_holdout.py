"""Read the holdout rows of a version that no contender was trained on, and its training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.train.random_holdout import holdout_keys, unseen_by

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CommonRows:
    """Labelled rows of a contest.

    Attributes:
        holdout: Holdout rows of the first contender that none was trained on.
        training: Rows that the first contender was trained on, by its manifest.
    """

    holdout: pd.DataFrame
    training: pd.DataFrame


def common_rows(
    spec: ModelSpec,
    dataset: DatasetSpec,
    tables: Tables,
    pins: Snapshot,
    contenders: Sequence[Package],
) -> CommonRows:
    """Return the rows of a contest, each with the columns that contenders and gates need.

    Args:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        pins: Versions of the tables.
        contenders: Loaded versions, the challenger first.
    """
    manifests = [contender.manifest for contender in contenders]
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
    unseen = unseen_by_first & (times >= datetime.fromisoformat(first["holdout_start"]))
    for manifest in manifests[1:]:
        unseen &= unseen_by(manifest, times, keys)
    learnt = ~unseen_by_first & (times >= datetime.fromisoformat(first["training_start"]))
    return CommonRows(rows[unseen], rows[learnt])
