"""Deliver a local file: find its dataset and stream, and copy it into the landing area."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.records import arrivals
from slipway.records.landing_area import Delivery, list_deliveries
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.dataset import StreamName
from slipway.stages.ingest.fetched import Fetched
from slipway.stages.ingest.redelivery import Revisions, marks_of
from slipway.wiring.container import Container
from slipway.wiring.matching_stream import Place, find_place
from slipway.wiring.proposed_delivery import ProposedDelivery, proposed_delivery

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec


@dataclass(frozen=True)
class Delivered:
    """What was delivered, or was there already.

    Attributes:
        dataset: Dataset.
        stream: Stream.
        batch: Batch.
        key: Key in the store.
        where: Address of the file in the landing area.
        size: Bytes.
        within_seconds: Time in which the landing trigger sees it.
        replaces: Whether the batch was delivered before, with another content.
        is_unread: Whether the file that it takes the place of was never read by ingest.
        same_as: Key of an earlier delivery with the same content, or None.
        became: What became of that one: `ingested`, `blocked`, …; None: it is not handled yet.
        is_copied: Whether it was copied; not, where the same content is there.
    """

    dataset: str
    stream: StreamName
    batch: str
    key: str
    where: str
    size: int
    within_seconds: float
    replaces: bool
    is_unread: bool
    same_as: str | None
    became: str | None
    is_copied: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def deliver(
    file: Path,
    *,
    dataset: str | None = None,
    stream: StreamName | None = None,
    batch: str | None = None,
    again: bool = False,
    container: Container | None = None,
) -> Delivered:
    """Copy a file, or a folder of parts, into the landing area; it appears there as a whole.

    One whose content was delivered before is copied only where ingest takes it again.

    Args:
        file: A file, or a folder as Spark writes it.
        dataset: Its dataset; None: found by the columns.
        stream: Its stream; None: found by the columns.
        batch: Name of the batch; None: the file's name without its suffix.
        again: Whether to copy it in any case.
        container: Adapters; None: made from environment variables.

    Raises:
        NotFound: There is no such file.
        BadParameter: It cannot be a delivery, or fits no dataset or several.
        SpecError: The dataset's spec is invalid.
    """
    from slipway.adapters.landing_copy import copy_into_landing

    container = container or Container()
    with proposed_delivery(file, batch=batch) as proposed:
        place = find_place(proposed, container, dataset=dataset, stream=stream, file=file)
        spec = place.spec
        key = proposed.key(spec.dataset, place.stream)
        earlier = _same_content(container, place, proposed)
        is_copied = earlier is None or again or _is_taken_again(container, place, proposed, earlier)
        before = [one for one in _landed(container, place) if one.batch == proposed.batch]
        is_unread = any(one.key == key and not _is_read(container, one) for one in before)
        if is_copied:
            copy_into_landing(proposed.path, key, store=container.store)
        registration = None
        if earlier is not None:
            registration = arrivals.find_registration(container.store, earlier)
        return Delivered(
            dataset=spec.dataset,
            stream=place.stream,
            batch=proposed.batch,
            key=key,
            where=container.store.uri(key),
            size=proposed.content.size,
            within_seconds=_seconds(spec),
            replaces=earlier is None and bool(before),
            is_unread=earlier is None and is_unread,
            same_as=None if earlier is None else earlier.key,
            became=None if registration is None else registration.action,
            is_copied=is_copied,
        )


def _landed(container: Container, place: Place) -> Iterator[Delivery]:
    for one in list_deliveries(container.store, place.spec.dataset):
        if one.stream == place.stream:
            yield one


def _is_read(container: Container, delivery: Delivery) -> bool:
    return arrivals.find_registration(container.store, delivery) is not None


def _same_content(
    container: Container, place: Place, proposed: ProposedDelivery
) -> Delivery | None:
    """A delivery of the stream with the very bytes, of the same batch before others."""
    same_size = [one for one in _landed(container, place) if one.size == proposed.content.size]
    for one in sorted(same_size, key=lambda one: one.batch != proposed.batch):
        if _sha256(container, place.spec, one) == proposed.content.sha256:
            return one
    return None


def _is_taken_again(
    container: Container, place: Place, proposed: ProposedDelivery, earlier: Delivery
) -> bool:
    """Whether ingest takes the same content again: it was blocked, or would be read otherwise."""
    spec, store = place.spec, container.store
    newest = arrivals.newest_registration(store, spec.dataset, place.stream, proposed.batch)
    if newest is None or arrivals.find_registration(store, earlier) is None:
        return False
    revisions = Revisions.after(newest)
    return not revisions.repeats(proposed.content.sha256, marks_of(spec, place.stream))


def _sha256(container: Container, spec: DatasetSpec, delivery: Delivery) -> str:
    registered = arrivals.find_registration(container.store, delivery)
    if registered is not None:
        return registered.sha256
    with scratch_folder("slipway-deliver-", needs="a delivery to compare with") as scratch:
        return Fetched.of(container.source(spec.source).fetch(delivery, scratch)).sha256


def _seconds(spec: DatasetSpec) -> float:
    """The trigger looks, waits until nothing changes, and looks again."""
    return 2 * spec.arrival.poll_seconds + spec.arrival.settle_seconds
