"""Collect the windows of a champion's predictions that are due to be measured.

Level-triggered: a window is due as long as it has no record, however often this runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from slipway.stages.model.named_champion import named_champion
from slipway.stages.monitor.due_windows import has_predictions, monitored_windows
from slipway.stages.monitor.label_maturity import LandedLabels, labels_have_matured
from slipway.stages.rollout.served_difference import difference_to_served

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables
    from slipway.stages.rollout.platform import ServedReader


class DueWindows(TypedDict):
    """Windows to measure; small JSON.

    Attributes:
        champion: Version with the alias; None before there is one.
        drift: Ids of closed windows without a drift record, oldest first.
        performance: Ids of matured windows without a performance record, oldest first.
        difference: Difference of what is served from the alias; None without one.
    """

    champion: int | None
    drift: list[str]
    performance: list[str]
    difference: str | None


def event_clock(tables: Tables, dataset: DatasetSpec) -> datetime | None:
    """Newest event time among the published features; None before there is one."""
    return tables.newest(f"{dataset.dataset}/features", dataset.event_time)


def collect(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: Tables,
    registry: Registry,
    log: PredictionLog,
    platform: ServedReader | None = None,
) -> DueWindows:
    """Collect the current champion's windows that are due to be measured.

    Drift is due once a window has ended and has enough predictions, performance once its label
    horizon has passed and it has enough labels; without enough of them, one window later. A
    window whose log cannot be read is due, so that its verdict reports it. A champion that
    returns by a roll-back continues where its monitoring stopped.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Store of the records.
        tables: Event clock and labels.
        registry: Alias of the champion.
        log: Predictions.
        platform: What is served, to compare with the alias; None: not compared.

    Raises:
        NotFound: The registry lost the champion, so what serves cannot be watched.
    """
    champion = named_champion(spec.model, to_be="monitored", store=store, registry=registry)
    difference = (
        difference_to_served(spec.model, store=store, registry=registry, platform=platform)
        if platform
        else None
    )
    due = DueWindows(champion=None, drift=[], performance=[], difference=difference)
    clock = event_clock(tables, dataset)
    if champion is None:
        return due
    due["champion"] = champion.version
    if clock is None:
        return due
    labels = LandedLabels(spec, dataset, tables)
    for monitored in monitored_windows(spec, champion, clock, log):
        undone = [
            stage
            for stage in ("drift", "performance")
            if not store.exists(monitored.ref(spec.model, stage).key)
        ]
        if not undone or not has_predictions(spec, monitored, clock, log):
            continue
        if "drift" in undone:
            due["drift"].append(monitored.id)
        if "performance" in undone and labels_have_matured(
            spec, monitored, clock, log=log, labels=labels
        ):
            due["performance"].append(monitored.id)
    return due
