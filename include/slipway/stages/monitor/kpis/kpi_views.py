"""Views of a window that KPI queries read: predictions, features and labels, joined by `key`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.spec.logged_columns import logged_name
from slipway.stages.model.class_scores import SCORE
from slipway.stages.model.key_text import logged_key_texts
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.kpis.kpi_rows import PredictionHashes, WindowFeatures
from slipway.stages.monitor.labels.label_stream import LabelStream
from slipway.stages.monitor.labels.window_keys import EVENT_TIME, KEY, distinct_hashes

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.monitor.labels.window_keys import Hashes
    from slipway.stages.monitor.windows.windows import Window
    from slipway.stages.ports.kpi_queries import Views
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.tables import Tables
    from slipway.values.value_types import ColumnType

PREDICTIONS, FEATURES, LABELS = "predictions", "features", "labels"


def view_types(spec: ModelSpec, dataset: DatasetSpec) -> dict[str, dict[str, ColumnType]]:
    """Return the types of the columns of each view, which has no personal ones.

    Args:
        spec: Model.
        dataset: Its dataset.
    """
    joined: dict[str, ColumnType] = {KEY: "string", EVENT_TIME: "timestamp"}
    declared, personal = dataset.streams.types("features"), dataset.streams.features.personal
    features = {name: kind for name, kind in declared.items() if name not in personal}
    is_multiclass = spec.task == "multiclass"
    answers: dict[str, ColumnType] = {"label": "string"} if is_multiclass else {SCORE: "number"}
    logged = {
        logged_name(name, multiclass=is_multiclass): features[name]
        for name in spec.features.names
        if name in features
    }
    return {
        PREDICTIONS: {**logged, **joined, **answers, "version": "integer"},
        FEATURES: {**features, **joined},
        LABELS: {KEY: "string", spec.target: dataset.streams.types("labels")[spec.target]},
    }


@dataclass(frozen=True)
class WindowViews:
    """Rows of a window for each view: of all versions that answered in it.

    Rows are streamed twice: once for their keys, of which hashes are kept, and once as they are.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        window: Window of event time.
        tables: Features and labels.
        log: Predictions.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    window: Window
    tables: Tables
    log: PredictionLog

    def rows(self, views: Views) -> dict[str, Iterator[pd.DataFrame]]:
        """Return frames of the rows of each view.

        Args:
            views: Columns of each view.

        Raises:
            NotComputable: A segment of the log cannot be read; also while frames are taken.
        """
        predicted = PredictionHashes.of(self._log_rows([KEY]))
        features = self._features().reduced()
        known = distinct_hashes([predicted.keys, features.keys])
        return {
            PREDICTIONS: self._predictions(views[PREDICTIONS], predicted),
            FEATURES: features.rows(views[FEATURES]),
            LABELS: self._labels(views[LABELS], known),
        }

    def _log_rows(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        key_type = self.dataset.identity.key.type
        for rows in self.log.stream(
            self.spec.model, self.window.start, self.window.end, columns=columns
        ):
            yield rows.assign(**{KEY: logged_key_texts(rows[KEY], key_type)})

    def _predictions(
        self, columns: Mapping[str, ColumnType], predicted: PredictionHashes
    ) -> Iterator[pd.DataFrame]:
        for rows in predicted.once_each(self._log_rows(list(columns))):
            yield rows[[name for name in columns if name in rows]]

    def _labels(self, columns: Mapping[str, ColumnType], known: Hashes) -> Iterator[pd.DataFrame]:
        version = self.tables.version(labels_table(self.dataset))
        labels = LabelStream(self.tables, self.dataset, self.spec.target, version)
        for rows in labels.texts(labels.find(known)):
            yield rows.set_axis([KEY, self.spec.target], axis=1)[list(columns)]

    def _features(self) -> WindowFeatures:
        table = f"{self.dataset.dataset}/features"
        version = self.tables.version(table)
        return WindowFeatures(self.tables, table, version, self.dataset.identity, self.window)
