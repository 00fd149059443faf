"""Ingest deliveries: claim those that wait, publish each once, acknowledge the listing.

The deliveries that wait are those that the source lists but the arrival registry does not hold.
A delivery is registered last, after its run record, so a killed ingest is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.errors import BadParameter, NotFound, OverLimit
from slipway.records import arrivals, landing_area
from slipway.records.idempotent_stage import perform
from slipway.records.landing_area import Delivery
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.scratch_folder import megabytes, scratch_folder
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.settings import DeliveryLimits
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.spec.problems import nearest
from slipway.stages.ingest.fetched import Fetched
from slipway.stages.ingest.over_limit import limits_mark, refuse_large
from slipway.stages.ingest.overwritten import refuse_overwritten
from slipway.stages.ingest.publish import Publication
from slipway.stages.ingest.quarantine import PackRows
from slipway.stages.ingest.redelivery import Revisions, marks_of
from slipway.stages.ingest.verdicts import OVER_LIMIT, blocked_verdict, unreadable_findings
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
    limits: DeliveryLimits | None = None,
) -> Claim:
    """Return the complete deliveries that are not handled yet, in order.

    Args:
        spec: Dataset.
        source: Source of its deliveries.
        store: Store of the arrival registry.
        batch: Only this batch; None: all.
        now: Wall time; None: the machine's.
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        BadParameter: No delivery of that batch has arrived.
    """
    listed = landing_area.of_streams(source.deliveries(spec.dataset), spec.streams.delivered)
    if batch is not None:
        _refuse_unknown(batch, listed)
    waiting = [
        one
        for one in arrivals.waiting(store, spec.dataset, listed, limits=_mark(limits))
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
    spec: DatasetSpec,
    *,
    source: DeliverySource,
    store: Store,
    fingerprint: str,
    limits: DeliveryLimits | None = None,
) -> bool:
    """Acknowledge a claimed listing if all of it is handled; return whether it was.

    The arrival registry decides. A run that crashed or ingested only a part, and a file that
    arrived or changed since the claim, leave the listing open, so the landing trigger fires again.

    Args:
        spec: Dataset.
        source: Source of its deliveries.
        store: Store of the arrival registry.
        fingerprint: Of the claim.
        limits: Limits of a delivery; None: those of the environment.
    """
    listed = landing_area.of_streams(source.deliveries(spec.dataset), spec.streams.delivered)
    if landing_area.fingerprint(listed) != fingerprint:
        return False
    if arrivals.waiting(store, spec.dataset, listed, limits=_mark(limits)):
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
    limits: DeliveryLimits | None = None,
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
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        NotFound: There is no such delivery.
        BadParameter: The file belongs to another stream or batch.
        CommitConflict: The file was written again while it was read.
        DiskFull: The delivery and its rows have no room on the local disk.
        SpecError: An expectation is invalid.
    """
    store, limits = context.store, limits or DeliveryLimits()
    mark = limits_mark(limits)
    delivery = _find(spec, source, store, stream=stream, batch=batch, file=file)
    ref = RunRef(spec.dataset, _run_name(store, delivery, mark), "ingest")
    inputs: dict[str, Any] = {"file": delivery.key, "limits": mark, **marks_of(spec, stream)}
    try:
        refuse_large(delivery, limits)
    except OverLimit as error:
        inputs |= {"bytes": delivery.size, "sha256": ""}
        refused = _unfetched_verdict(source, store, delivery, error)
        record = perform(context, ref, lambda _: refused, inputs=inputs)
    else:
        needs = f"the delivery ({megabytes(delivery.size)}) and its rows in their declared types"
        with scratch_folder("slipway-ingest-", needs=needs) as folder:
            fetched = Fetched.of(source.fetch(delivery, folder))
            refuse_overwritten(source, delivery)
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
            inputs |= {"bytes": fetched.size, "sha256": fetched.sha256}
            record = perform(context, ref, work.verdict, inputs=inputs)
    _register(store, delivery, record)
    return record


def _mark(limits: DeliveryLimits | None) -> str:
    return limits_mark(limits or DeliveryLimits())


def _unfetched_verdict(
    source: DeliverySource, store: Store, delivery: Delivery, error: OverLimit
) -> Verdict:
    """Verdict on a delivery that is too large to be fetched; it stays where it is."""
    newest = arrivals.newest_registration(store, delivery.dataset, delivery.stream, delivery.batch)
    findings = unreadable_findings(error, evidence={"delivery": source.uri(delivery)})
    title = f"{delivery.stream} {delivery.batch}"
    return blocked_verdict(title, Revisions.after(newest), findings)


def _run_name(store: Store, delivery: Delivery, mark: str) -> str:
    """Name of a run; another one for a file that exceeded other limits than the present ones."""
    name = f"{delivery.stream}-{delivery.batch}-{delivery.tag12}"
    return f"{name}-{mark}" if arrivals.exceeded_limits(store, delivery) - {mark} else name


def _register(store: Store, delivery: Delivery, record: RunRecord) -> None:
    numbers = record.verdict.numbers
    arrivals.register(
        store,
        delivery,
        revision=int(numbers["revision"] or 0),
        sha256=str(record.inputs["sha256"]),
        action=record.verdict.action,
        note={
            "record": record.ref.key,
            "live_revision": numbers["live_revision"],
            "quarantined": numbers.get("quarantined", 0),
            # Of the attempt that gave the verdict, which may have read by an older spec.
            **{name: one for name, one in record.inputs.items() if name in _OF_THE_SPEC},
        },
        exceeded=str(record.inputs["limits"]) if numbers.get(OVER_LIMIT) else None,
    )


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
