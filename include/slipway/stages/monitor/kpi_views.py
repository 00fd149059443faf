"""Views of a window that KPI queries read: predictions, features and labels, joined by `key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.spec.logged_columns import logged_name
from slipway.stages.model.class_scores import SCORE
from slipway.stages.model.key_text import key_texts, logged_key_texts
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.newest_delivery import newest_by_key, order_columns
from slipway.stages.monitor.label_join import read_labels

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.monitor.windows import Window
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.tables import Tables
    from slipway.values.value_types import ColumnType

KEY, EVENT_TIME = "key", "event_time"


def view_types(spec: ModelSpec, dataset: DatasetSpec) -> dict[str, dict[str, ColumnType]]:
    """Return the types of the columns of each view.

    Args:
        spec: Model.
        dataset: Its dataset.
    """
    joined: dict[str, ColumnType] = {KEY: "string", EVENT_TIME: "timestamp"}
    features = dataset.streams.types("features")
    is_multiclass = spec.task == "multiclass"
    answers: dict[str, ColumnType] = {"label": "string"} if is_multiclass else {SCORE: "number"}
    logged = {
        logged_name(name, multiclass=is_multiclass): features[name] for name in spec.features.names
    }
    return {
        "predictions": {**logged, **joined, **answers, "version": "integer"},
        "features": {**features, **joined},
        "labels": {KEY: "string", spec.target: dataset.streams.types("labels")[spec.target]},
    }


def read_views(
    spec: ModelSpec,
    dataset: DatasetSpec,
    window: Window,
    *,
    tables: Tables,
    log: PredictionLog,
) -> dict[str, pd.DataFrame]:
    """Read the rows of each view: of all versions that answered in the window.

    Args:
        spec: Model.
        dataset: Its dataset.
        window: Window of event time.
        tables: Features and labels.
        log: Predictions.

    Raises:
        NotComputable: A segment of the log cannot be read.
    """
    types = view_types(spec, dataset)
    predictions = log.read(spec.model, window.start, window.end, columns=list(types["predictions"]))
    predictions = predictions[[name for name in types["predictions"] if name in predictions]]
    texts = logged_key_texts(predictions[KEY], dataset.identity.key.type)
    predictions = predictions.assign(**{KEY: texts})
    features = _features(dataset, window, tables)
    found = read_labels(tables, dataset, spec.target, version=tables.version(labels_table(dataset)))
    known = set(predictions[KEY].dropna()) | set(features[KEY])
    labels = found[found.index.isin(known)].rename(spec.target).rename_axis(KEY).reset_index()
    return {"predictions": predictions, "features": features, "labels": labels}


def _features(dataset: DatasetSpec, window: Window, tables: Tables) -> pd.DataFrame:
    """Rows of the window; of a key delivered twice the one delivered last."""
    import pandas as pd

    table, identity = f"{dataset.dataset}/features", dataset.identity
    columns = list(dataset.streams.types("features"))
    version = tables.version(table)
    if version is None:
        return pd.DataFrame({name: [] for name in [*columns, KEY, EVENT_TIME]})
    order = order_columns(tables, table, version=version)
    key, time = identity.key.column, identity.time.column
    rows = tables.read(
        table,
        version=version,
        columns=list(dict.fromkeys([*columns, key, time, *order])),
        where=[(time, ">=", window.start), (time, "<", window.end)],
    )
    rows = newest_by_key(rows.dropna(subset=[key]), key, drop=order)
    told = rows.assign(**{KEY: key_texts(rows[key]), EVENT_TIME: rows[time]})
    return told[list(dict.fromkeys([*columns, KEY, EVENT_TIME]))]
