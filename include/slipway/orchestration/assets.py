"""The assets of the ring, each declared once.

Airflow re-creates a trigger when two files declare the same asset differently, and nothing polls
meanwhile. An asset connects DAGs; its events carry no data that the store does not hold.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from slipway.orchestration.landing_trigger import LandingTrigger
from slipway.spec import DatasetSpec


def landing(dataset: DatasetSpec, *, store_root: str) -> Asset:
    """Return the asset of a dataset's landing area, updated while deliveries wait."""
    trigger = LandingTrigger(
        dataset=dataset.dataset,
        store_root=store_root,
        poll_seconds=dataset.arrival.poll_seconds,
        settle_seconds=dataset.arrival.settle_seconds,
        source=dataset.source,
        streams=dataset.streams.delivered,
    )
    return Asset(
        name=f"{dataset.dataset}_landing",
        group="slipway",
        watchers=[AssetWatcher(name=f"{dataset.dataset}_landing", trigger=trigger)],
    )


def batch(dataset: str) -> Asset:
    """Return the asset of a dataset's published batches."""
    return Asset(name=f"{dataset}_batch", group="slipway")


def challenger(model: str) -> Asset:
    """Return the asset of the challengers of a model."""
    return Asset(name=f"{model}_challenger", group="slipway")


def retrain_request(model: str) -> Asset:
    """Return the asset of the retrain requests of a model."""
    return Asset(name=f"{model}_retrain_request", group="slipway")


def scores(model: str) -> Asset:
    """Return the asset of the scores of a batch model."""
    return Asset(name=f"{model}_scores", group="slipway")
