"""Join logged predictions with the labels that arrived later, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.stages.model.class_scores import SCORE, SCORES
from slipway.stages.model.key_text import key_texts, logged_key_texts
from slipway.stages.model.label_rows import has_target, labels_table, rows_that_tell
from slipway.stages.model.newest_delivery import newest_by_key, order_columns

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.ports.tables import Tables
    from slipway.values.value_types import ColumnType

EVENT_TIME = "event_time"


@dataclass(frozen=True)
class JoinedLabels:
    """Predictions joined with their labels.

    Attributes:
        predicted: Number of predicted keys.
        rows: Answer, event time and label of those that have a label, in order of time; their
            index is that of the predictions.
        without_key: Number of predictions that have no key, or none that a label could have.
        repeated: Number of predictions whose key was predicted again later.
    """

    predicted: int
    rows: pd.DataFrame
    without_key: int
    repeated: int

    @property
    def unlabelled(self) -> int:
        """Number of predicted keys without a label."""
        return self.predicted - len(self.rows)


def read_labels(
    tables: Tables, dataset: DatasetSpec, target: str, *, version: int | None
) -> pd.Series:
    """Labels as delivered, by key as text; of a key labelled twice the label delivered last."""
    import pandas as pd

    no_labels = pd.Series([], index=pd.Index([], dtype="str"), dtype="float64")
    if version is None:
        return no_labels
    table, key = labels_table(dataset), dataset.identity.key.column
    if not has_target(tables, dataset, target, version=version):
        return no_labels
    if key not in tables.columns(table, version=version):
        # They were delivered under another key, by which no logged prediction is known.
        return no_labels
    order = order_columns(tables, table, version=version)
    rows = tables.read(table, version=version, columns=[key, target, *order])
    # A correction may take a label back: the newest one counts, whether or not it has a value.
    told = rows_that_tell(rows.dropna(subset=[key]), dataset, target)
    rows = newest_by_key(told, key, drop=order)
    rows = rows.dropna(subset=[target])
    return rows.set_index(key_texts(rows[key]))[target]


def join_labels(
    rows: pd.DataFrame, labels: pd.Series, *, key_type: ColumnType = "string"
) -> JoinedLabels:
    """Join predictions with labels by key.

    A key that was predicted more than once counts once, with its newest prediction.

    Args:
        rows: Logged predictions: `key`, `received_at` and the answers.
        labels: From `read_labels`.
        key_type: Declared type of the key.
    """
    known = rows.dropna(subset=["key"])
    known = known.assign(key=logged_key_texts(known["key"], key_type)).dropna(subset=["key"])
    newest = known.sort_values("received_at", kind="stable").drop_duplicates("key", keep="last")
    if EVENT_TIME in newest:
        newest = newest.sort_values(EVENT_TIME, kind="stable")
    joined = newest.assign(label=newest["key"].map(labels)).dropna(subset=["label"])
    return JoinedLabels(
        predicted=len(newest),
        rows=joined[[name for name in (SCORE, SCORES, EVENT_TIME, "label") if name in joined]],
        without_key=len(rows) - len(known),
        repeated=len(known) - len(newest),
    )
