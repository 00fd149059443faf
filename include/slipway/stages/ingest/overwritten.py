"""Refuse a delivery whose file was written again while it was read."""

from __future__ import annotations

from slipway.errors import CommitConflict
from slipway.records.landing_area import Delivery
from slipway.stages.ports.delivery_source import DeliverySource


def refuse_overwritten(source: DeliverySource, delivery: Delivery) -> None:
    """Raise unless the source still lists the state of the file that was read.

    Raises:
        CommitConflict: The file was written again.
    """
    now = {one.key: one.tag12 for one in source.deliveries(delivery.dataset)}
    if now.get(delivery.key) != delivery.tag12:
        raise CommitConflict(
            "the file was written again while it was read",
            where=delivery.key,
            hint="a retry reads the new file",
        )
