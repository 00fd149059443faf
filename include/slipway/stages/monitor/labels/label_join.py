"""Join logged predictions with the labels that arrived later, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.stages.model.class_scores import SCORE, SCORES
from slipway.stages.model.key_text import key_texts, logged_key_texts
from slipway.stages.model.label_rows import has_target, labels_table, rows_that_tell
from slipway.stages.model.newest_delivery import newest_by_key, order_columns
from slipway.stages.monitor.labels.window_keys import EVENT_TIME, KEY, sample_keys
from slipway.stages.monitor.reference.row_sample import hash_values

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.monitor.labels.label_stream import LabelStream
    from slipway.stages.monitor.labels.window_keys import WindowPredictions
    from slipway.stages.ports.tables import Tables
    from slipway.values.value_types import ColumnType


@dataclass(frozen=True)
class JoinedLabels:
    """Predictions joined with their labels.

    Attributes:
        predicted: Number of predicted keys.
        labelled: Number of them that have a label.
        rows: Answer, event time and label of those that have a label, or of a sample of them, in
            order of time; their index is that of the predictions.
        without_key: Number of predictions that have no key, or none that a label could have.
        repeated: Number of predictions whose key was predicted again later.
    """

    predicted: int
    labelled: int
    rows: pd.DataFrame
    without_key: int
    repeated: int

    @property
    def unlabelled(self) -> int:
        """Number of predicted keys without a label."""
        return self.predicted - self.labelled


MOST_JUDGED = 500_000
"""Labelled predictions of a window that are judged; of more a sample is."""


def join_window(
    predictions: WindowPredictions,
    labels: LabelStream,
    *,
    columns: Sequence[str] | None,
    seed: int,
    most: int = MOST_JUDGED,
) -> tuple[pd.DataFrame, JoinedLabels]:
    """Join the predictions of a window with labels, in memory that bounds the rows to judge.

    All keys are counted. Of more labelled ones than are judged a uniform sample is read.

    Args:
        predictions: Predictions of the window.
        labels: Labels of the dataset.
        columns: Columns of the log to read, beside its own; None: all.
        seed: Seed of the sample.
        most: Largest sample.

    Returns:
        The predictions that are judged, as they were logged, and the same joined with labels.

    Raises:
        NotComputable: A segment of the log cannot be read.
    """
    keys = predictions.keys()
    known = labels.find(keys.hashes)
    logged = predictions.rows_of(sample_keys(known.keys, most, seed=seed), columns)
    told = logged.assign(label=known.of(hash_values(logged[KEY])))
    return logged, JoinedLabels(
        predicted=len(keys.hashes),
        labelled=len(known.keys),
        rows=_answers(told),
        without_key=keys.keyless,
        repeated=keys.keyed - len(keys.hashes),
    )


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
        labelled=len(joined),
        rows=_answers(joined),
        without_key=len(rows) - len(known),
        repeated=len(known) - len(newest),
    )


def _answers(joined: pd.DataFrame) -> pd.DataFrame:
    return joined[[name for name in (SCORE, SCORES, EVENT_TIME, "label") if name in joined]]
