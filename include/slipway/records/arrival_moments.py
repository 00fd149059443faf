"""Moments at which batches arrived: the event time of datasets whose rows have none.

A batch has one moment, which the first attempt to read it claims. Every later attempt, revision and
re-delivery of the batch finds it, so its rows never change their place in time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.landing_area import Delivery
from slipway.records.store import Store, encode, read_value


def arrival_of(store: Store, delivery: Delivery, *, now: datetime | None = None) -> datetime:
    """Return the moment at which the batch of a delivery arrived first.

    Args:
        store: Store of the moments.
        delivery: Delivery that is about to be read.
        now: Wall time; None: the machine's.
    """
    keep_arrival(store, delivery.dataset, delivery.batch, at=now or datetime.now(UTC))
    key = _key(delivery.dataset, delivery.batch)
    return read_value(store, key, lambda value: datetime.fromisoformat(value["at"]))


def keep_arrival(store: Store, dataset: str, batch: str, *, at: datetime) -> None:
    """Keep the moment at which a batch arrives, unless it has one.

    Args:
        store: Store of the moments.
        dataset: Dataset.
        batch: Batch; what is replayed arrives in the past.
        at: The moment.
    """
    key = _key(dataset, batch)
    if not store.exists(key):
        store.create(key, encode({"at": at.isoformat()}))


def _key(dataset: str, batch: str) -> str:
    return f"moments/{dataset}/{batch}.json"
