"""Collect the windows of a champion's predictions that are due to be measured.

Level-triggered: a window is due as long as it has no record, however often this runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from slipway.stages.monitor.labels.label_maturity import LandedLabels, labels_have_matured
from slipway.stages.monitor.labels.label_revisions import due_revisions
from slipway.stages.monitor.operations.due_operations import due_operations
from slipway.stages.monitor.reference.watched_version import find_watched
from slipway.stages.monitor.windows.due_windows import former_windows, monitored_windows
from slipway.stages.monitor.windows.joined_windows import MEASURED_BY, sufficient_windows

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
        watched: Version whose windows are listed: the one that serves, else the champion.
        drift: Ids of closed windows without a drift record, oldest first.
        performance: Ids of matured windows without a performance record, oldest first, and of
            revisions by late labels.
        difference: Difference of what is served from the alias; None without one.
        kpis: Ids of matured windows without a record of KPIs, oldest first.
        operations: Ids of closed windows whose operations are not measured, oldest first, and of
            revisions of those of which Prometheus gave no answer.
        short: The newest closed windows, where they wait for more predictions; None: none does.
    """

    champion: int | None
    watched: int | None
    drift: list[str]
    performance: list[str]
    difference: str | None
    kpis: list[str]
    operations: list[str]
    short: str | None


def event_clock(tables: Tables, dataset: DatasetSpec) -> datetime | None:
    """Newest event time among the published features; None before there is one."""
    return tables.newest(f"{dataset.dataset}/features", dataset.identity.time.column)


def collect(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: Tables,
    registry: Registry,
    log: PredictionLog,
    platform: ServedReader | None = None,
    metrics_at: datetime | None = None,
) -> DueWindows:
    """Collect the windows that are due to be measured, of the version that serves.

    That is the champion, unless a hand has moved the alias since. Of those that served before it
    the windows are due whose labels were still awaited.

    Drift is due once a window has ended and has enough predictions; one with too few is joined with
    those that follow it. Performance is due once its label horizon has passed and it has enough
    labels; without enough of them, one window later. KPIs are due with it. Many late labels make a
    revision due. A window whose log cannot be read is due, so that its verdict reports it. A
    champion that returns by a roll-back continues where its monitoring stopped.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Store of the records.
        tables: Event clock and labels.
        registry: Alias of the champion.
        log: Predictions.
        platform: What is served, to compare with the alias; None: not compared.
        metrics_at: Wall time, where the servers' metrics are kept; None: they are not, so that no
            operations are measured.

    Raises:
        NotFound: The registry lost the champion, so what serves cannot be watched.
    """
    watched = find_watched(spec.model, store=store, registry=registry, platform=platform)
    due = DueWindows(
        champion=None,
        watched=None,
        drift=[],
        performance=[],
        kpis=[],
        operations=[],
        difference=None,
        short=None,
    )
    clock = event_clock(tables, dataset)
    if watched is None:
        return due
    due["champion"], due["watched"] = watched.champion.version, watched.version.version
    due["difference"] = watched.difference
    if clock is None:
        return due
    labels = LandedLabels(spec, dataset, tables)
    stages = (*MEASURED_BY, "kpis") if spec.monitoring.kpis else MEASURED_BY
    logged = log.days(spec.model)
    closed = monitored_windows(spec, watched.version, clock, logged=logged, store=store)
    sufficient = sufficient_windows(spec, closed, store=store, log=log)
    due["short"] = sufficient.short
    former = former_windows(
        spec, watched.version, clock, logged=logged, store=store, registry=registry
    )
    for monitored in (*former, *sufficient.windows):
        undone = [
            stage for stage in stages if not store.exists(monitored.ref(spec.model, stage).key)
        ]
        if "drift" in undone:
            due["drift"].append(monitored.id)
        waiting = [stage for stage in undone if stage != "drift"]
        if waiting and labels_have_matured(spec, monitored, clock, log=log, labels=labels):
            due["performance"] += [monitored.id] if "performance" in waiting else []
            due["kpis"] += [monitored.id] if "kpis" in waiting else []
    if spec.monitoring.operations is not None and metrics_at is not None:
        windows = sufficient.windows
        of_servers = due_operations(spec.model, windows, store=store, now=metrics_at)
        due["operations"] = [one.id for one in of_servers]
    revisions = due_revisions(spec, sufficient.windows, store=store, log=log, labels=labels)
    due["performance"] += [one.id for one in revisions]
    return due
