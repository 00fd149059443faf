"""Labelled rows of a snapshot: features joined with the labels that had arrived by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.spec import DatasetSpec
from slipway.stages.model.delivered_by import last_delivery_by
from slipway.stages.model.label_rows import has_target, labels_table, rows_that_tell
from slipway.stages.model.newest_delivery import (
    AVAILABLE_AT,
    DELIVERY,
    newest_by_key,
    order_columns,
)
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Snapshot:
    """Pinned versions of both tables, and a point of event time.

    Labels that stand in the features' files have the version of the features.

    Attributes:
        features_version: Version of the features table.
        labels_version: Version of the labels table.
        as_of: Event clock. Rows up to and including it count; deliveries that came after the clock
            had passed it do not.
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


@dataclass(frozen=True)
class LabelledRows:
    """Labelled rows of a snapshot, and what was left out.

    Attributes:
        rows: In time order: key, event time, feature columns and target.
        left_out: Number of rows that were left out, by reason.
    """

    rows: pd.DataFrame
    left_out: Mapping[str, int]


def read_labelled(
    tables: Tables,
    dataset: DatasetSpec,
    snapshot: Snapshot,
    *,
    columns: Sequence[str],
    target: str,
) -> pd.DataFrame:
    """Return labelled rows in time order: key, event time, `columns` and the target.

    Args:
        tables: Tables of the dataset.
        dataset: Dataset, with its key and event time.
        snapshot: Versions to read, and the point of event time.
        columns: Feature columns.
        target: Label column.
    """
    return join_labelled(tables, dataset, snapshot, columns=columns, target=target).rows


def join_labelled(
    tables: Tables,
    dataset: DatasetSpec,
    snapshot: Snapshot,
    *,
    columns: Sequence[str],
    target: str,
) -> LabelledRows:
    """Join features and labels as they had been delivered by the snapshot's point of event time.

    Of a key that was delivered more than once, the last delivery counts.

    Args:
        tables: Tables of the dataset.
        dataset: Dataset, with its key and event time.
        snapshot: Versions to read, and the point of event time.
        columns: Feature columns.
        target: Label column.

    Raises:
        NotComputable: The tables are of another key or event time than the dataset.
    """
    key, event_time = dataset.identity.key.column, dataset.identity.time.column
    reader = _Reader(tables, dataset, snapshot)
    features, without_features = reader.features(list(dict.fromkeys([key, event_time, *columns])))
    labels, without_labels = reader.labels(target)
    valued = labels.dropna(subset=[target])
    rows = features.merge(valued, on=key, validate="one_to_one")
    left_out = {
        **without_features,
        **without_labels,
        "labels_without_value": len(labels) - len(valued),
        "features_without_label": len(features) - len(rows),
        "labels_without_features": len(valued) - len(rows),
    }
    return LabelledRows(rows.sort_values([event_time, key], ignore_index=True), left_out)


class _Reader:
    """Reads both tables as they had been delivered by a snapshot's point of event time."""

    def __init__(self, tables: Tables, dataset: DatasetSpec, snapshot: Snapshot) -> None:
        self._tables, self._dataset, self._snapshot = tables, dataset, snapshot
        self._last = last_delivery_by(
            tables, dataset, features_version=snapshot.features_version, as_of=snapshot.as_of
        )

    def features(self, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int]]:
        version = self._snapshot.features_version
        table = f"{self._dataset.dataset}/features"
        rows, order = self._rows("features", table, columns, version=version)
        time = self._dataset.identity.time.column
        return self._newest("features", rows, order, time=time)

    def labels(self, target: str) -> tuple[pd.DataFrame, dict[str, int]]:
        dataset, version = self._dataset, self._snapshot.labels_version
        if not has_target(self._tables, dataset, target, version=version):
            raise NotComputable(
                f"no delivery has the label {target!r} yet",
                where=f"version {version} of {labels_table(dataset)}",
                hint="deliver a batch that has its column",
            )
        key = dataset.identity.key.column
        rows, order = self._rows("labels", labels_table(dataset), [key, target], version=version)
        told = rows_that_tell(rows, dataset, target)
        return self._newest("labels", told, order, time=AVAILABLE_AT)

    def _rows(
        self, stream: str, table: str, columns: Sequence[str], *, version: int
    ) -> tuple[pd.DataFrame, list[str]]:
        """Rows of a table, and the columns that tell the order of their deliveries."""
        order = order_columns(self._tables, table, version=version)
        derived = list(self._dataset.identity.derived(stream))
        known = self._tables.columns(table, version=version) if derived else ()
        if missing := [name for name in derived if name not in known]:
            raise NotComputable(
                "no row has the key and event time that the dataset declares now",
                expected=f"rows with {', '.join(missing)}",
                where=f"version {version} of {table}",
                hint="deliver the batches again; each is read by the present spec",
            )
        wanted = list(dict.fromkeys([*columns, *derived, *order]))
        return self._tables.read(table, version=version, columns=wanted), order

    def _newest(
        self, stream: str, rows: pd.DataFrame, order: Sequence[str], *, time: str
    ) -> tuple[pd.DataFrame, dict[str, int]]:
        """Newest row of each key, and how many rows were left out; `time` is of unnumbered rows."""
        # Rows from before the dataset had its present key or event time.
        derived = list(self._dataset.identity.derived(stream))
        identified = rows.dropna(subset=derived) if derived else rows
        delivered = identified
        if self._last is not None:
            known = _delivered_by(identified, self._last, time=time, as_of=self._snapshot.as_of)
            delivered = identified[known]
        newest = newest_by_key(delivered, self._dataset.identity.key.column, drop=order)
        return newest, {
            f"later_{stream}": len(identified) - len(delivered),
            f"replaced_{stream}": len(delivered) - len(newest),
            **({f"unidentified_{stream}": len(rows) - len(identified)} if derived else {}),
        }


def _delivered_by(rows: pd.DataFrame, last: int, *, time: str, as_of: datetime) -> pd.Series:
    """Whether each row had been delivered: by its number, else by a time."""
    import pandas as pd

    numbers = rows[DELIVERY] if DELIVERY in rows else pd.Series(pd.NA, rows.index, dtype="Int64")
    delivered: pd.Series = (numbers <= last).fillna(value=False).astype(bool)
    if time in rows:
        delivered |= numbers.isna() & (rows[time] <= as_of)
    return delivered
