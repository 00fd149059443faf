"""Tell which deliveries had been accepted when the event clock stood at a point of the past.

The event clock at a delivery is the newest event time among the features accepted up to it. It is
derived from the deliveries each time and stored in no row, so that it follows corrections: a
batch's event time counts only as far as every later revision of the batch upholds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.spec import DatasetSpec
from slipway.stages.model.newest_delivery import AVAILABLE_AT, DELIVERY
from slipway.stages.ports.tables import Tables

BEFORE_ALL = 0
"""Stands for the number of all deliveries from before numbers were kept."""


@dataclass(frozen=True)
class FeaturesDelivery:
    """One accepted delivery of features.

    Attributes:
        batch: Batch that it holds.
        number: In the order of deliveries.
        newest: Newest event time among its good rows.
    """

    batch: str
    number: int
    newest: datetime


def last_delivery_by(
    tables: Tables, dataset: DatasetSpec, *, features_version: int, as_of: datetime
) -> int | None:
    """Return the number of the last delivery before the event clock passed a point of event time.

    Args:
        tables: Tables of the dataset.
        dataset: Dataset, with its event time.
        features_version: Version of the features whose deliveries count.
        as_of: Point of event time.

    Returns:
        The number; None if the clock has not passed the point, so that every delivery counts.
    """
    table = f"{dataset.dataset}/features"
    clock = tables.newest(table, dataset.identity.time.column, version=features_version)
    if clock is None or clock <= as_of:
        return None
    notes = tables.notes(table, version=features_version)
    numbered = {
        (note["batch"], int(note["delivery"])): datetime.fromisoformat(note["newest"])
        for note in notes
        if "newest" in note
    }
    accepted = [FeaturesDelivery(*one, newest) for one, newest in numbered.items()]
    unnumbered = _newest_unnumbered(tables, dataset, version=features_version)
    if unnumbered is not None:
        accepted.append(FeaturesDelivery("", BEFORE_ALL, unnumbered))
    return last_before(accepted, as_of)


def last_before(accepted: Iterable[FeaturesDelivery], as_of: datetime) -> int | None:
    """Return the number of the last delivery before the clock passed a point; pure.

    Args:
        accepted: Features deliveries, in any order.
        as_of: Point of event time.

    Returns:
        The number, which may be that of a delivery of labels; None if the clock never passed.
    """
    passed = [number for number, newest in _upheld(accepted) if newest > as_of]
    return min(passed) - 1 if passed else None


def _upheld(accepted: Iterable[FeaturesDelivery]) -> Iterable[tuple[int, datetime]]:
    """Number and newest event time of each delivery, as far as later revisions uphold it."""
    batches: dict[str, list[FeaturesDelivery]] = defaultdict(list)
    for one in accepted:
        batches[one.batch].append(one)
    for revisions in batches.values():
        upheld = datetime.max.replace(tzinfo=UTC)
        for one in sorted(revisions, key=lambda each: each.number, reverse=True):
            upheld = min(upheld, one.newest)
            yield one.number, upheld


def _newest_unnumbered(tables: Tables, dataset: DatasetSpec, *, version: int) -> datetime | None:
    """Newest event time among rows from before numbers were kept; None without such rows."""
    table, event_time = f"{dataset.dataset}/features", dataset.identity.time.column
    known = tables.columns(table, version=version)
    if DELIVERY not in known:
        return tables.newest(table, event_time, version=version)
    if AVAILABLE_AT not in known:
        return None
    rows = tables.read(table, version=version, columns=[event_time, DELIVERY])
    times = rows.loc[rows[DELIVERY].isna(), event_time]
    newest: datetime | None = None if times.empty else times.max().to_pydatetime()
    return newest
