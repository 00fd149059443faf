"""Collect the windows of a champion's predictions that are due to be measured.

Level-triggered: a window is due as long as it has no record, however often this runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from slipway.errors import PlatformUnavailable
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.monitor.due_windows import has_predictions, monitored_windows
from slipway.stages.monitor.label_maturity import LandedLabels, labels_have_matured
from slipway.stages.monitor.watched_champion import watched_champion

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import ModelVersion, Registry
    from slipway.stages.ports.tables import Tables
    from slipway.stages.rollout.platform import Served, ServedReader


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
    champion = watched_champion(spec.model, store=store, registry=registry)
    difference = difference_to_served(spec.model, champion, platform) if platform else None
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


def difference_to_served(
    model: str, champion: ModelVersion | None, platform: ServedReader
) -> str | None:
    """Difference of what is served from the champion by alias; None without one."""
    expected = champion.version if champion else None
    try:
        served = platform.served(model)
    except PlatformUnavailable as error:
        return f"what is served is not known: {error.message}"
    if served is not None and served.edited is not None:
        return f"what is served was edited by hand, and deploy leaves it so: {served.edited}"
    found = served.version if served else None
    if found == expected:
        return _other_bytes(champion, served)
    if served is not None and expected in served.weights and len(served.weights) > 1:
        shares = [f"version {one} ({part:.0%})" for one, part in served.weights.items()]
        return f"{' and '.join(shares)} share its requests; a rollout moves them, or was cut off"
    return f"version {found} is served and version {expected} is champion; deploy repairs it"


def _other_bytes(champion: ModelVersion | None, served: Served | None) -> str | None:
    if champion is None or served is None:
        return None
    here, there = served.digests.get(champion.version), champion.tags.get(DIGEST)
    if None in {here, there} or here == there:
        return None
    return (
        f"version {champion.version} is champion with other bytes than those that serve under its "
        "number; deploy verifies them first"
    )
