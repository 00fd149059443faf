"""Ingest: what lies in the landing area becomes rows of the dataset's tables, each file once.

The landing area minus the arrival registry is what waits; nothing else remembers a file.
A delivery is registered last, after its run record: killed before, it is ingested again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.errors import BadParameter, CommitConflict, NotFound
from slipway.records import arrivals
from slipway.records.arrivals import Delivery, StreamName
from slipway.records.runs import RunRecord, RunRef, perform
from slipway.records.store import Store
from slipway.spec import DatasetSpec
from slipway.spec.problems import nearest
from slipway.stages.ingest.publish import Files, Publication
from slipway.stages.ingest.validation import Suites
from slipway.stages.ports.tables import Tables


@dataclass(frozen=True)
class Claim:
    """What one run shall ingest.

    Attributes:
        fingerprint: Of everything that lay in the landing area.
        deliveries: Stream, batch and file of each delivery, in order.
    """

    fingerprint: str
    deliveries: tuple[Mapping[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return {"fingerprint": self.fingerprint, "deliveries": list(map(dict, self.deliveries))}


def claim(
    spec: DatasetSpec, *, store: Store, batch: str | None = None, now: datetime | None = None
) -> Claim:
    """The deliveries that nobody has handled yet and that have settled, in order.

    Args:
        spec: Of the dataset.
        store: Where deliveries land.
        batch: Only this one, when a person asks for it.
        now: Wall time; the machine's when not given.

    Raises:
        BadParameter: No file of that batch has landed.
    """
    landed = arrivals.landed(store, spec.dataset)
    if batch is not None:
        _refuse_unknown(batch, landed)
    waiting = [
        one for one in arrivals.waiting(store, spec.dataset) if batch is None or one.batch == batch
    ]
    ready = arrivals.settled(waiting, settle_seconds=spec.arrival.settle_seconds, now=now)
    return Claim(
        fingerprint=arrivals.fingerprint(landed),
        deliveries=tuple(
            {"stream": one.stream, "batch": one.batch, "file": one.key} for one in ready
        ),
    )


def acknowledge(spec: DatasetSpec, *, store: Store, fingerprint: str) -> bool:
    """Acknowledge the listing that a claim saw, if all of it is handled; whether it was.

    It asks the registry, so a crashed, narrowed or shortened run leaves the bell ringing, and so
    does a file that came or changed since the claim.

    Args:
        spec: Of the dataset.
        store: Where deliveries land.
        fingerprint: As the claim said.
    """
    # In this order: a file that lands in between is among the waiting, never among the handled.
    unchanged = arrivals.fingerprint(arrivals.landed(store, spec.dataset)) == fingerprint
    if not unchanged or arrivals.waiting(store, spec.dataset):
        return False
    arrivals.acknowledge(store, spec.dataset, fingerprint)
    return True


def ingest(
    spec: DatasetSpec,
    *,
    stream: StreamName,
    batch: str,
    file: str,
    store: Store,
    tables: Tables,
    files: Files,
    suites: Suites,
    origin: Mapping[str, Any],
) -> RunRecord:
    """One delivery cast, validated and published; or why not.

    Args:
        spec: Of the dataset.
        stream: `features` or `labels`.
        batch: Its id.
        file: Landing key of the delivery.
        store: Where deliveries land and records live.
        tables: Where good rows go.
        files: Parses the delivery.
        suites: Evaluates expectations.
        origin: Who runs it.

    Raises:
        NotFound: There is no such delivery.
        BadParameter: The file belongs to another stream or batch.
        CommitConflict: The file was written again while it was read.
        SpecError: An expectation is written wrongly.
    """
    delivery = _find(store, spec.dataset, stream=stream, batch=batch, file=file)
    data = store.read(delivery.key)
    _refuse_rewritten(store, delivery)
    ref = RunRef(spec.dataset, f"{stream}-{batch}-{delivery.tag12}", "ingest")
    work = Publication(
        spec, stream, delivery, data, store=store, tables=tables, files=files, suites=suites
    )
    inputs = {"file": delivery.key, "bytes": len(data), "sha256": work.sha256}
    record = perform(store, ref, work.verdict, inputs=inputs, origin=origin)
    arrivals.register(
        store,
        delivery,
        revision=int(record.verdict.numbers["revision"] or 0),
        sha256=str(record.inputs["sha256"]),
        action=record.verdict.action,
        note={"record": ref.key, "live_revision": record.verdict.numbers["live_revision"]},
    )
    return record


def _refuse_unknown(batch: str, landed: Sequence[Delivery]) -> None:
    known = sorted({one.batch for one in landed})
    if batch in known:
        return
    close = nearest(batch, known)
    raise BadParameter(
        f"no file of batch {batch!r} has landed",
        expected=f"one of {', '.join(known[-12:])}" if known else "a file in the landing area",
        hint=f"did you mean {close!r}?" if close else None,
    )


def _find(store: Store, dataset: str, *, stream: str, batch: str, file: str) -> Delivery:
    for one in arrivals.landed(store, dataset):
        if one.key == file:
            if (one.stream, one.batch) == (stream, batch):
                return one
            raise BadParameter(
                f"the file is not of {stream} {batch}",
                expected=f"{one.stream} {one.batch}",
                where=file,
            )
    raise NotFound(
        "there is no such delivery",
        where=file,
        hint=f"deliveries are landing/{dataset}/<stream>/<batch>.parquet or .csv",
    )


def _refuse_rewritten(store: Store, delivery: Delivery) -> None:
    now = {one.key: one.tag12 for one in arrivals.landed(store, delivery.dataset)}
    if now.get(delivery.key) != delivery.tag12:
        raise CommitConflict(
            "the file was written again while it was read",
            where=delivery.key,
            hint="a retry reads the new one",
        )
