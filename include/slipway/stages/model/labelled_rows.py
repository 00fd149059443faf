"""Labelled rows of a snapshot: features joined with the labels that had arrived by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.spec import DatasetSpec
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

AVAILABLE_AT = "_available_at"


@dataclass(frozen=True)
class Snapshot:
    """Pinned versions of both tables, and a point of event time.

    Attributes:
        features_version: Version of the features table.
        labels_version: Version of the labels table.
        as_of: Event clock; rows that are newer and labels that arrived later are excluded.
    """

    features_version: int
    labels_version: int
    as_of: datetime

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot in the numbers of its run record."""
        return cls(
            int(numbers["features_version"]),
            int(numbers["labels_version"]),
            datetime.fromisoformat(numbers["as_of"]),
        )


def read_labelled(
    tables: Tables,
    dataset: DatasetSpec,
    snapshot: Snapshot,
    *,
    columns: Sequence[str],
    target: str,
) -> pd.DataFrame:
    """Return labelled rows in time order: key, event time, `columns` and the target.

    Of a key that was delivered twice, the last delivery counts.

    Args:
        tables: Tables of the dataset.
        dataset: Dataset, with its key and event time.
        snapshot: Versions to read, and the point of event time.
        columns: Feature columns.
        target: Label column.
    """
    key, event_time = dataset.key, dataset.event_time
    features = tables.read(
        f"{dataset.dataset}/features",
        version=snapshot.features_version,
        columns=list(dict.fromkeys([key, event_time, *columns, AVAILABLE_AT])),
        where=[(event_time, "<", snapshot.as_of)],
    )
    labels = tables.read(
        f"{dataset.dataset}/labels",
        version=snapshot.labels_version,
        columns=[key, target, AVAILABLE_AT],
        where=[(AVAILABLE_AT, "<=", snapshot.as_of)],
    )
    rows = _last_delivered(features, key).merge(
        _last_delivered(labels, key).dropna(subset=[target]), on=key, validate="one_to_one"
    )
    return rows.sort_values([event_time, key], ignore_index=True)


def _last_delivered(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    in_order = rows.sort_values(AVAILABLE_AT, kind="stable")
    return in_order.drop_duplicates(key, keep="last").drop(columns=AVAILABLE_AT)
