"""Every asset of the ring, declared here only.

Airflow re-creates a trigger whenever two files declare the same asset differently, and each
re-creation is a moment in which no bell listens. So each asset has one spelling: this one.
An asset joins DAGs and draws the graph; it never carries a fact that the store does not hold.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from slipway.orchestration.landing_trigger import LandingBell
from slipway.spec import DatasetSpec


def landing(dataset: DatasetSpec, *, store_root: str) -> Asset:
    """Files have landed: rung by the bell while something waits."""
    bell = LandingBell(
        dataset=dataset.dataset,
        store_root=store_root,
        poll_seconds=dataset.arrival.poll_seconds,
        settle_seconds=dataset.arrival.settle_seconds,
        source=dataset.source,
    )
    return Asset(
        name=f"{dataset.dataset}_landing",
        group="slipway",
        watchers=[AssetWatcher(name=f"{dataset.dataset}_bell", trigger=bell)],
    )


def batch(dataset: str) -> Asset:
    """A batch of a dataset was published or revised."""
    return Asset(name=f"{dataset}_batch", group="slipway")


def challenger(model: str) -> Asset:
    """A model version passed its gates."""
    return Asset(name=f"{model}_challenger", group="slipway")


def retrain_request(model: str) -> Asset:
    """The monitor asked for a model to learn again."""
    return Asset(name=f"{model}_retrain_request", group="slipway")


def scores(model: str) -> Asset:
    """Partitions of a batch model's features were scored."""
    return Asset(name=f"{model}_scores", group="slipway")
