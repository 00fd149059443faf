"""Read the holdout rows of a version that no other contender was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.train.random_holdout import holdout_keys, unseen_by

if TYPE_CHECKING:
    import pandas as pd


def common_holdout(
    spec: ModelSpec,
    dataset: DatasetSpec,
    tables: Tables,
    pins: Snapshot,
    contenders: Sequence[Package],
) -> pd.DataFrame:
    """Return the holdout rows of the first contender that none was trained on.

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
    identity = dataset.identity
    times = rows[identity.time.column]
    unseen = times >= datetime.fromisoformat(manifests[0]["holdout_start"])
    for manifest in manifests:
        unseen &= unseen_by(manifest, times, holdout_keys(rows, identity.key))
    return rows[unseen]
