"""Label maturity: whether enough labels of a window have landed to measure its performance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.labels.judged_rows import are_of_one_kind
from slipway.stages.monitor.labels.label_stream import LabelStream
from slipway.stages.monitor.labels.window_keys import WindowPredictions
from slipway.stages.monitor.windows.windows import MonitoredWindow

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.monitor.labels.label_stream import WindowLabels
    from slipway.stages.monitor.labels.window_keys import Hashes
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.tables import Tables


@dataclass(frozen=True)
class LandedWindow:
    """What has landed of a window's labels.

    Attributes:
        rows: Number of predictions.
        hashes: Sorted hashes of the predicted keys.
        found: Labels of those that have one.
    """

    rows: int
    hashes: Hashes
    found: WindowLabels

    @property
    def predicted(self) -> int:
        """Number of predicted keys."""
        return len(self.hashes)

    @property
    def labels(self) -> pd.Series[Any]:
        """Labels of the keys that have one."""
        return self.found.labels


class LandedLabels:
    """Labels of a dataset, read when a window first needs them."""

    def __init__(self, spec: ModelSpec, dataset: DatasetSpec, tables: Tables) -> None:
        self._spec, self._dataset, self._tables = spec, dataset, tables
        self._earlier: dict[int | None, LabelStream] = {}

    @property
    def version(self) -> int | None:
        """Newest version of their table."""
        return self._stream.version

    def find(self, log: PredictionLog, monitored: MonitoredWindow) -> LandedWindow:
        """Return what has landed of a window's labels.

        Raises:
            NotComputable: A segment of the log cannot be read.
        """
        spec, key_type = self._spec, self._dataset.identity.key.type
        keys = WindowPredictions(log, spec.model, monitored, key_type).keys()
        return LandedWindow(keys.rows, keys.hashes, self._stream.find(keys.hashes))

    def changed(self, landed: LandedWindow, *, since: int | None) -> int:
        """Return how many labels of a window have come, gone or got another value.

        Args:
            landed: Its labels by now.
            since: Version of the labels' table with which they are compared; None: there was none.

        Raises:
            NotFound: The table has no such version.
            StoreUnavailable: That version cannot be read, as after its files were removed.
        """
        if since not in self._earlier:
            self._earlier[since] = LabelStream(
                self._tables, self._dataset, self._spec.target, since
            )
        return landed.found.changed(self._earlier[since].find(landed.hashes))

    @cached_property
    def _stream(self) -> LabelStream:
        version = self._tables.version(labels_table(self._dataset))
        return LabelStream(self._tables, self._dataset, self._spec.target, version)


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
        landed = labels.find(log, monitored)
    except NotComputable:
        return True
    if len(landed.labels) < min(monitoring.min_rows, landed.rows):
        return False
    return len(landed.labels) == landed.predicted or not are_of_one_kind(landed.labels)
