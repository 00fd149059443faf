"""Label maturity: whether enough labels of a window have landed to measure its performance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.judged_rows import are_of_one_kind
from slipway.stages.monitor.label_join import JoinedLabels, join_labels, read_labels
from slipway.stages.monitor.windows import MonitoredWindow

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.tables import Tables


class LandedLabels:
    """Labels of a dataset, read when a window first needs them."""

    def __init__(self, spec: ModelSpec, dataset: DatasetSpec, tables: Tables) -> None:
        self._spec, self._dataset, self._tables = spec, dataset, tables
        self._read: pd.Series | None = None

    @property
    def version(self) -> int | None:
        """Newest version of their table."""
        return self._tables.version(labels_table(self._dataset))

    def join(self, rows: pd.DataFrame) -> JoinedLabels:
        """Return the rows joined with their labels."""
        if self._read is None:
            self._read = read_labels(
                self._tables, self._dataset, self._spec.target, version=self.version
            )
        return join_labels(rows, self._read, key_type=self._dataset.identity.key.type)


def labels_have_matured(
    spec: ModelSpec,
    monitored: MonitoredWindow,
    clock: datetime,
    *,
    log: PredictionLog,
    labels: LandedLabels,
) -> bool:
    """Whether the labels of a window have matured, so that its performance can be measured.

    They have once the label horizon has passed and enough of them have landed, of more than one
    kind or all of them; or after one more window: labels that are still missing by then are not
    waited for.
    """
    monitoring, window = spec.monitoring, monitored.window
    horizon = timedelta(days=monitoring.label_horizon_days)
    if clock - window.end < horizon:
        return False
    if clock - window.following().end >= horizon:
        return True
    try:
        rows = log.read(
            spec.model,
            window.start,
            window.end,
            version=monitored.version,
            columns=("key", "received_at"),
        )
    except NotComputable:
        return True
    joined = labels.join(rows)
    if len(joined.rows) < min(monitoring.min_rows, len(rows)):
        return False
    return not joined.unlabelled or not are_of_one_kind(joined.rows["label"])
