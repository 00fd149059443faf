"""Windows with too few predictions, joined with the following ones until they have enough.

Which windows were joined is kept before they are measured: predictions that arrive later change no
window, and no prediction counts in two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.records.store import encode
from slipway.stages.monitor.windows.windows import MonitoredWindow, Unit, Window, parse_joined

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog

MEASURED_BY = ("drift", "performance")
"""Stages that leave a record of a window."""


def read_joined(store: Store, model: str, version: int, unit: Unit) -> dict[datetime, Window]:
    """Return the windows of a version that are judged together, by their first moment."""
    names = (
        entry.key.rpartition("/")[2].removesuffix(".json")
        for entry in store.list(_folder(model, version))
    )
    windows = (parse_joined(name, unit) for name in names)
    found = sorted((one for one in windows if one), key=lambda one: one.end, reverse=True)
    return {window.start: window for window in found}


@dataclass(frozen=True)
class Sufficient:
    """Windows that can be measured, and those that cannot yet.

    Attributes:
        windows: With enough predictions, alone or together, oldest first.
        short: The newest ones, which wait for more; None: none does.
    """

    windows: Sequence[MonitoredWindow]
    short: str | None = None


def sufficient_windows(
    spec: ModelSpec, windows: Iterable[MonitoredWindow], *, store: Store, log: PredictionLog
) -> Sufficient:
    """Return the windows with enough predictions, and those that have together, oldest first.

    One that is measured stays as it is. One whose log cannot be read is taken, so that its verdict
    reports it.

    Args:
        spec: The model.
        windows: Closed windows of one version, oldest first.
        store: Store of the records; what is joined is kept there.
        log: Predictions.
    """
    found: list[MonitoredWindow] = []
    short: MonitoredWindow | None = None
    rows = 0
    for one in windows:
        if one.window.is_joined or _is_measured(store, spec, one):
            if short is not None:
                # Nothing can be added to it any more.
                found.append(_kept(store, spec, short, rows))
            short, rows = None, 0
            found.append(one)
            continue
        both = one if short is None else replace(short, window=short.window.until(one.window))
        count = _count(spec, both, log)
        if count is None or count >= spec.monitoring.min_rows:
            found.append(_kept(store, spec, both, count))
            short, rows = None, 0
        elif count > rows:
            short, rows = both, count
    needed = spec.monitoring.min_rows
    told = None if short is None else f"{short.id} has {rows} of {needed} predictions"
    return Sufficient(found, told)


def _is_measured(store: Store, spec: ModelSpec, monitored: MonitoredWindow) -> bool:
    return any(store.exists(monitored.ref(spec.model, stage).key) for stage in MEASURED_BY)


def _count(spec: ModelSpec, monitored: MonitoredWindow, log: PredictionLog) -> int | None:
    """Number of predictions; None where the log cannot be read."""
    window = monitored.window
    try:
        return log.count(spec.model, window.start, window.end, version=monitored.version)
    except NotComputable:
        return None


def _kept(
    store: Store, spec: ModelSpec, monitored: MonitoredWindow, rows: int | None
) -> MonitoredWindow:
    if monitored.window.is_joined:
        key = f"{_folder(spec.model, monitored.version)}/{monitored.window.name}.json"
        store.create(key, encode({"rows": rows}))
    return monitored


def _folder(model: str, version: int) -> str:
    return f"windows/{model}/v{version}"
