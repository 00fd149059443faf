"""Ingest deliveries: claim those that wait, publish each once, acknowledge the listing.

The deliveries that wait are those that the source lists but the arrival registry does not hold.
A delivery is registered last, after its run record, so a killed ingest is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.errors import BadParameter, NotFound
from slipway.records import arrivals, landing_area
from slipway.records.idempotent_stage import perform
from slipway.records.landing_area import Delivery
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.scratch_folder import megabytes, scratch_folder
from slipway.records.store import Store
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.spec.problems import nearest
from slipway.stages.ingest.fetched import Fetched
from slipway.stages.ingest.overwritten import refuse_overwritten
from slipway.stages.ingest.publish import Publication
from slipway.stages.ingest.quarantine import PackRows
from slipway.stages.ingest.redelivery import marks_of
from slipway.stages.ports.delivery_source import DeliverySource
from slipway.stages.ports.expectations import ExpectationSuites
from slipway.stages.ports.row_spool import OpenSpool
from slipway.stages.ports.tables import Tables

_OF_THE_SPEC = frozenset({"reading", "columns", "identity"})
"""Inputs that tell by which spec a delivery was read."""


@dataclass(frozen=True)
class Claim:
    """Deliveries for one run to ingest.

    Attributes:
        fingerprint: Of the listing of the source.
        deliveries: Stream, batch and file of each delivery, in order.
    """

    fingerprint: str
    deliveries: tuple[Mapping[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the claim as plain JSON."""
        return {"fingerprint": self.fingerprint, "deliveries": list(map(dict, self.deliveries))}


def claim(
    spec: DatasetSpec,
    *,
    source: DeliverySource,
    store: Store,
    batch: str | None = None,
    now: datetime | None = None,
) -> Claim:
    """Return the complete deliveries that are not handled yet, in order.

    Args:
        spec: Dataset.
        source: Source of its deliveries.
        store: Store of the arrival registry.
        batch: Only this batch; None: all.
        now: Wall time; None: the machine's.

    Raises:
        BadParameter: No delivery of that batch has arrived.
    """
    listed = landing_area.of_streams(source.deliveries(spec.dataset), spec.streams.delivered)
    if batch is not None:
        _refuse_unknown(batch, listed)
    waiting = [
        one
        for one in arrivals.waiting(store, spec.dataset, listed)
        if batch is None or one.batch == batch
    ]
    ready = landing_area.settled(waiting, settle_seconds=spec.arrival.settle_seconds, now=now)
    return Claim(
        fingerprint=landing_area.fingerprint(listed),
        deliveries=tuple(
            {"stream": one.stream, "batch": one.batch, "file": one.key} for one in ready
        ),
    )


def acknowledge(
    spec: DatasetSpec, *, source: DeliverySource, store: Store, fingerprint: str
) -> bool:
    """Acknowledge a claimed listing if all of it is handled; return whether it was.

    The arrival registry decides. A run that crashed or ingested only a part, and a file that
    arrived or changed since the claim, leave the listing open, so the landing trigger fires again.

    Args:
        spec: Dataset.
        source: Source of its deliveries.
        store: Store of the arrival registry.
        fingerprint: Of the claim.
    """
    listed = landing_area.of_streams(source.deliveries(spec.dataset), spec.streams.delivered)
    if landing_area.fingerprint(listed) != fingerprint:
        return False
    if arrivals.waiting(store, spec.dataset, listed):
        return False
    arrivals.acknowledge(store, spec.dataset, fingerprint)
    return True


def ingest(
    spec: DatasetSpec,
    *,
    stream: StreamName,
    batch: str,
    file: str,
    context: RunContext,
    source: DeliverySource,
    tables: Tables,
    pack: PackRows,
    suites: ExpectationSuites,
    open_spool: OpenSpool,
) -> RunRecord:
    """Cast, validate and publish one delivery, and register the result.

    Args:
        spec: Dataset.
        stream: `features` or `labels`.
        batch: Id of the batch.
        file: Key of the delivery.
        context: Store and origin of the run.
        source: Source of the delivery.
        tables: Tables for good rows.
        pack: Encodes quarantined rows.
        suites: Evaluates expectations.
        open_spool: Opens the spool of cast rows.

    Raises:
        NotFound: There is no such delivery.
        BadParameter: The file belongs to another stream or batch.
        CommitConflict: The file was written again while it was read.
        DiskFull: The delivery and its rows have no room on the local disk.
        SpecError: An expectation is invalid.
    """
    store = context.store
    delivery = _find(spec, source, store, stream=stream, batch=batch, file=file)
    needs = f"the delivery ({megabytes(delivery.size)}) and its rows in their declared types"
    with scratch_folder("slipway-ingest-", needs=needs) as folder:
        fetched = Fetched.of(source.fetch(delivery, folder))
        refuse_overwritten(source, delivery)
        ref = RunRef(spec.dataset, f"{stream}-{batch}-{delivery.tag12}", "ingest")
        work = Publication(
            spec,
            stream,
            delivery,
            fetched,
            source=source,
            store=store,
            tables=tables,
            pack=pack,
            suites=suites,
            open_spool=open_spool,
        )
        inputs = {
            "file": delivery.key,
            "bytes": fetched.size,
            "sha256": fetched.sha256,
            **marks_of(spec, stream),
        }
        record = perform(context, ref, work.verdict, inputs=inputs)
    arrivals.register(
        store,
        delivery,
        revision=int(record.verdict.numbers["revision"] or 0),
        sha256=str(record.inputs["sha256"]),
        action=record.verdict.action,
        note={
            "record": ref.key,
            "live_revision": record.verdict.numbers["live_revision"],
            "quarantined": record.verdict.numbers.get("quarantined", 0),
            # Of the attempt that gave the verdict, which may have read by an older spec.
            **{name: one for name, one in record.inputs.items() if name in _OF_THE_SPEC},
        },
    )
    return record


def _refuse_unknown(batch: str, listed: Sequence[Delivery]) -> None:
    known = sorted({one.batch for one in listed})
    if batch in known:
        return
    close = nearest(batch, known)
    raise BadParameter(
        f"no file of batch {batch!r} has landed",
        expected=f"one of {', '.join(known[-12:])}" if known else "a file in the landing area",
        hint=f"did you mean {close!r}?" if close else None,
    )


def _find(
    spec: DatasetSpec,
    source: DeliverySource,
    store: Store,
    *,
    stream: str,
    batch: str,
    file: str,
) -> Delivery:
    for one in landing_area.of_streams(source.deliveries(spec.dataset), spec.streams.delivered):
        if one.key == file:
            if (one.stream, one.batch) == (stream, batch):
                return one
            raise BadParameter(
                f"the file does not belong to {stream} {batch}",
                expected=f"{one.stream} {one.batch}",
                where=file,
            )
    if spec.source == "files":
        _refuse_undeliverable(store, spec, file=file)
    raise NotFound(
        "there is no such delivery",
        where=file,
        hint=f"deliveries are named {source.naming}",
    )


def _refuse_undeliverable(store: Store, spec: DatasetSpec, *, file: str) -> None:
    """Raise with the reason for which a file of the landing area cannot be a delivery, if any."""
    found = landing_area.list_undeliverable(store, spec.dataset, streams=spec.streams.delivered)
    for one in found:
        if f"{file}/".startswith(f"{one.key}/") or one.key.startswith(f"{file}/"):
            raise NotFound(
                f"this cannot be a delivery: it {one.reason}", where=one.key, hint=one.hint
            )
