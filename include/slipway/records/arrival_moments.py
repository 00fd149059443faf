"""Moments at which batches arrived: the event time of datasets whose rows have none.

A batch has one moment, which the first attempt to read it claims. Every later attempt, revision and
re-delivery of the batch finds it, so its rows never change their place in time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.landing_area import Delivery
from slipway.records.store import Store, encode, read_json


def arrival_of(store: Store, delivery: Delivery, *, now: datetime | None = None) -> datetime:
    """Return the moment at which the batch of a delivery arrived first.

    Args:
        store: Store of the moments.
        delivery: Delivery that is about to be read.
        now: Wall time; None: the machine's.
    """
    key = f"moments/{delivery.dataset}/{delivery.batch}.json"
    if not store.exists(key):
        store.create(key, encode({"at": (now or datetime.now(UTC)).isoformat()}))
    return datetime.fromisoformat(read_json(store, key)["at"])
