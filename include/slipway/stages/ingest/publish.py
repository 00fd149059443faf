"""Publish one delivery: as a batch, as a revision of one, as a duplicate, or blocked.

Quarantine is written first, then the table in one commit, so that no row is lost on the way. Each
has its own key or partition, so a repeat writes the same objects again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.errors import BadBatch, Superseded
from slipway.records import arrivals
from slipway.records.arrival_moments import arrival_of
from slipway.records.attempts import Attempt
from slipway.records.delivery_order import number_of
from slipway.records.landing_area import Delivery
from slipway.records.store import Store, encode
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.stages.ingest.event_clock import clock_before
from slipway.stages.ingest.fetched import Fetched
from slipway.stages.ingest.overwritten import refuse_overwritten
from slipway.stages.ingest.quarantine import (
    PackRows,
    keep_bad_rows,
    keep_blocked,
    quarantine_key,
)
from slipway.stages.ingest.redelivery import Revisions, marks_of
from slipway.stages.ingest.same_batch import replaced_file, same_batch_warning
from slipway.stages.ingest.unknown_keys import find_unknown_keys
from slipway.stages.ingest.validation import ValidatedDelivery, validate_delivery
from slipway.stages.ingest.verdicts import (
    Findings,
    blocked_verdict,
    count_rows,
    duplicate_verdict,
    format_error,
    published_verdict,
    superseded_verdict,
    unreadable_findings,
)
from slipway.stages.model.newest_delivery import DELIVERY
from slipway.stages.ports.delivery_source import DeliverySource
from slipway.stages.ports.expectations import ExpectationSuites
from slipway.stages.ports.row_spool import OpenSpool
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

COMMIT_ROWS = 16_384
"""Rows that a commit is given at once; its writer keeps several such parts in memory."""


@dataclass(frozen=True)
class Publication:
    """Publication of one delivery.

    Attributes:
        spec: Dataset.
        stream: `features` or `labels`.
        delivery: Delivery.
        fetched: The delivery on the local disk.
        store: Store of quarantine and arrival registry.
        source: Source of the delivery.
        tables: Tables for good rows.
        pack: Encodes quarantined rows.
        suites: Evaluates expectations.
        open_spool: Opens the spool of cast rows.
    """

    spec: DatasetSpec
    stream: StreamName
    delivery: Delivery
    fetched: Fetched
    _: KW_ONLY
    store: Store
    source: DeliverySource
    tables: Tables
    pack: PackRows
    suites: ExpectationSuites
    open_spool: OpenSpool

    def verdict(self, attempt: Attempt) -> Verdict:
        """Publish the delivery: `ingested`, `revised`, `duplicate`, `superseded` or `blocked`.

        Raises:
            Superseded: A newer attempt has begun.
            CommitConflict: Another commit to the table came first.
            SpecError: An expectation is invalid.
        """
        batch = self.delivery.batch
        newest = arrivals.newest_registration(self.store, self.spec.dataset, self.stream, batch)
        revisions = Revisions.after(newest)
        evidence = {"delivery": self.source.uri(self.delivery)}
        if self._repeats(revisions) and self._is_in_table():
            return duplicate_verdict(self._title, revisions, evidence=evidence)
        number = number_of(self.store, self.delivery)
        # A file that is written from here on is a later one, and claims a greater number. One that
        # was written before may have claimed its own already, and these rows would count as newer.
        refuse_overwritten(self.source, self.delivery)
        columns = {
            **self.spec.streams.file_types(self.stream),
            **self.spec.identity.derived(self.stream),
        }
        with self.open_spool(self.fetched.path.parent, columns) as spool:
            try:
                opened = self.source.open(self.fetched.path, self.delivery, csv=self.spec.csv)
                seen = validate_delivery(
                    opened,
                    spool,
                    spec=self.spec,
                    stream=self.stream,
                    suites=self.suites,
                    clock=clock_before(self.spec, self.tables, batch=batch),
                    arrived=self._arrived(),
                )
            except BadBatch as error:
                findings = unreadable_findings(error, evidence=evidence)
                return self._block(attempt, revisions, findings)
            return self._publish_or_block(attempt, revisions, seen, number, evidence)

    def _publish_or_block(
        self,
        attempt: Attempt,
        revisions: Revisions,
        seen: ValidatedDelivery,
        number: int,
        evidence: dict[str, str],
    ) -> Verdict:
        context, remarks = self._context(seen, revisions)
        findings = Findings(
            numbers={**count_rows(seen), **context},
            remarks=[*remarks, *seen.warnings],
            blocks=seen.blocks,
            evidence={**evidence, **self._keep(attempt, revisions, seen)},
        )
        if findings.blocks:
            return self._block(attempt, revisions, findings)
        try:
            return self._publish(attempt, revisions, seen, number, findings)
        except Superseded:
            # By a newer attempt at this delivery, or by a later delivery: only that is a verdict.
            attempt.check()
            return superseded_verdict(self._title, revisions, findings)
        except BadBatch as error:
            findings = replace(findings, blocks=(format_error(error),))
            return self._block(attempt, revisions, findings)

    def _arrived(self) -> datetime | None:
        """Moment of the batch, claimed by its first attempt where the arrival is the event time."""
        if self.spec.identity.time.source != "arrival":
            return None
        return arrival_of(self.store, self.delivery)

    def _repeats(self, revisions: Revisions) -> bool:
        return revisions.repeats(self.fetched.sha256, marks_of(self.spec, self.stream))

    def _is_in_table(self) -> bool:
        """Whether the batch's last commit is of these bytes; two ingests may have raced."""
        version = self.tables.version(self._table)
        notes = [] if version is None else self.tables.notes(self._table, version=version)
        of_batch = [note for note in notes if note.get("batch") == self.delivery.batch]
        return not of_batch or of_batch[-1]["sha256"] == self.fetched.sha256

    def _block(self, attempt: Attempt, revisions: Revisions, findings: Findings) -> Verdict:
        attempt.check()
        kept = keep_blocked(self.store, self._quarantine(revisions), self.delivery, self.fetched)
        evidence = {**findings.evidence, "blocked": kept}
        return blocked_verdict(self._title, revisions, replace(findings, evidence=evidence))

    def _publish(
        self,
        attempt: Attempt,
        revisions: Revisions,
        seen: ValidatedDelivery,
        number: int,
        findings: Findings,
    ) -> Verdict:
        version = self.tables.publish(
            self._table,
            self._rows(seen, revisions, number),
            batch=self.delivery.batch,
            writer=attempt.ref.folder,
            attempt=attempt,
            note={
                "record": attempt.ref.key,
                "sha256": self.fetched.sha256,
                "revision": str(revisions.next),
                **self._order_note(seen, number),
            },
            delivery=number,
        )
        evidence = {**findings.evidence, "table": self.store.uri(f"tables/{self._table}")}
        findings = replace(findings, evidence=evidence)
        marks = marks_of(self.spec, self.stream)
        is_reread = revisions.rereads(self.fetched.sha256, marks)
        return published_verdict(
            self._title,
            revisions,
            findings,
            version=version,
            changed="the dataset's spec" if is_reread else "the file",
        )

    def _rows(
        self, seen: ValidatedDelivery, revisions: Revisions, number: int
    ) -> Iterator[pd.DataFrame]:
        for frame in seen.spool.frames(keep=seen.good, at_most=COMMIT_ROWS):
            yield frame.assign(_revision=revisions.next, **{DELIVERY: number})

    def _keep(
        self,
        attempt: Attempt,
        revisions: Revisions,
        seen: ValidatedDelivery,
    ) -> dict[str, str]:
        """Store bad rows, all reasons and expectation results; return the addresses."""
        attempt.check()
        facts = {
            "expectations": [one.to_json() for one in seen.outcomes],
            "reasons": [one.to_json() for one in seen.faults.counted()],
        }
        kept = {}
        for name, fact in facts.items():
            key = f"{attempt.ref.folder}/{name}.json"
            self.store.write(key, encode(fact))
            kept[name] = self.store.uri(key)
        if seen.bad:
            key = self._quarantine(revisions)
            kept["quarantine"] = keep_bad_rows(self.store, key, seen, pack=self.pack)
        return kept

    def _context(
        self, seen: ValidatedDelivery, revisions: Revisions
    ) -> tuple[dict[str, Number], list[str]]:
        """Numbers and remarks from comparing with other batches and the other stream."""
        numbers: dict[str, Number] = {"out_of_order": self._out_of_order(revisions)}
        remarks = ["a later batch was there before it"] if numbers["out_of_order"] else []
        if seen.equal_rows:
            numbers["equal_rows"] = seen.equal_rows
            remarks.append(f"rows equal to an earlier one, kept beside it: {seen.equal_rows:,}")
        if (other := replaced_file(self.store, self.delivery, revisions)) is not None:
            numbers["replaced_other_file"] = True
            numbers["warnings"] = len(seen.warnings) + 1
            remarks.append(same_batch_warning(self.delivery, other))
        if self.spec.streams.in_one_file:
            labelled = self._count_labelled(seen)
            numbers["labelled_rows"] = labelled
            remarks.append(f"rows with a label: {labelled}")
        if self.stream == "labels":
            key = self.spec.identity.key.column
            keys = (frame[key] for frame in seen.spool.frames([key], keep=seen.good))
            unknown = find_unknown_keys(
                keys, key=key, dataset=self.spec.dataset, tables=self.tables
            )
            numbers["unknown_keys"] = unknown.count
            if unknown.count:
                remarks.append(unknown.at_delivery)
        return numbers, remarks

    def _count_labelled(self, seen: ValidatedDelivery) -> int:
        names = list(self.spec.streams.labels.columns)
        frames = seen.spool.frames(names, keep=seen.good)
        return sum(int(frame[names].notna().any(axis=1).sum()) for frame in frames)

    def _out_of_order(self, revisions: Revisions) -> bool:
        entries = self.store.list(f"arrivals/{self._table}")
        batches = {entry.key.split("/")[3] for entry in entries}
        return revisions.next == 1 and any(one > self.delivery.batch for one in batches)

    def _order_note(self, seen: ValidatedDelivery, number: int) -> dict[str, str]:
        """What a rebuild of the past asks a commit: see `stages/model/delivered_by.py`."""
        note = {"batch": self.delivery.batch, "delivery": str(number)}
        if self.stream == "features":
            event_time = self.spec.identity.time.column
            frames = seen.spool.frames([event_time], keep=seen.good)
            note["newest"] = max(frame[event_time].max() for frame in frames).isoformat()
        return note

    @property
    def _title(self) -> str:
        return f"{self.stream} {self.delivery.batch}"

    @property
    def _table(self) -> str:
        return f"{self.spec.dataset}/{self.stream}"

    def _quarantine(self, revisions: Revisions) -> str:
        return quarantine_key(self._table, self.delivery.batch, revision=revisions.next)
