"""Tell a correction of a file from another file that has the same batch by its name."""

from __future__ import annotations

from pathlib import PurePosixPath

from slipway.records import arrivals
from slipway.records.landing_area import Delivery
from slipway.records.store import Store
from slipway.stages.ingest.redelivery import Revisions


def replaced_file(store: Store, delivery: Delivery, revisions: Revisions) -> str | None:
    """Return the name of another file whose rows a delivery replaces, or None.

    Args:
        store: Store of the arrival registry.
        delivery: Delivery that is to be published.
        revisions: Revisions of its batch before.
    """
    if revisions.live is None:
        return None
    key = arrivals.published_from(
        store, delivery.dataset, delivery.stream, delivery.batch, revision=revisions.live
    )
    return None if key in {None, delivery.key} else PurePosixPath(str(key)).name


def same_batch_warning(delivery: Delivery, other: str) -> str:
    """Return the warning of two files of one batch.

    Args:
        delivery: Delivery that is published.
        other: Name of the file whose rows it replaces.
    """
    name = PurePosixPath(delivery.key).name
    return (
        f"{name} and {other} are the same batch; the later one replaced the rows of the other; "
        "hint: a batch is a name without its suffix, so rename one of them if both shall count"
    )
