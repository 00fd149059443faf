"""What becomes of one delivery: published, published as a revision, skipped, or blocked.

The order of side effects loses nothing: first what goes to quarantine, then the table's one
commit. Each has a key or a partition of its own, so a repeat writes the same things again.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from slipway.errors import BadBatch
from slipway.records import arrivals
from slipway.records.arrivals import Delivery, StreamName
from slipway.records.runs import Attempt
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec
from slipway.stages.ingest.validation import Examination, Suites, examine
from slipway.stages.ingest.verdicts import (
    Findings,
    Revisions,
    blocked,
    counts,
    duplicate,
    in_words,
    published,
    unreadable,
)
from slipway.stages.ports.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

REASON_COLUMN = "_reason"
BEFORE_ANY_FEATURE = datetime(1970, 1, 1, tzinfo=UTC)
"""Event clock of a dataset without features: labels that landed first were known all along."""


class Files(Protocol):
    """Parses deliveries and packs what goes to quarantine."""

    def read(self, data: bytes, suffix: str) -> pd.DataFrame:
        """Rows of one delivery, counted from 0.

        Raises:
            BadBatch: The file cannot be read, or holds no row.
        """

    def pack(self, frame: pd.DataFrame) -> bytes:
        """A frame as the bytes of a Parquet file."""


@dataclass(frozen=True)
class Publication:
    """One delivery on its way into a table.

    Attributes:
        spec: Of the dataset.
        stream: `features` or `labels`.
        delivery: The file.
        data: Its bytes.
        store: Where quarantine and the registry live.
        tables: Where good rows go.
        files: Parses the delivery.
        suites: Evaluates expectations.
    """

    spec: DatasetSpec
    stream: StreamName
    delivery: Delivery
    data: bytes
    _: KW_ONLY
    store: Store
    tables: Tables
    files: Files
    suites: Suites

    @property
    def sha256(self) -> str:
        """Digest of the delivered bytes."""
        return digest(self.data)

    def verdict(self, attempt: Attempt) -> Verdict:
        """`ingested`, `revised`, `duplicate` or `blocked`, after it was made so.

        Raises:
            Superseded: A newer attempt owns this work.
            CommitConflict: Another commit to the table came first.
            SpecError: An expectation is written wrongly.
        """
        batch = self.delivery.batch
        newest = arrivals.history(self.store, self.spec.dataset, self.stream, batch)
        revisions = Revisions.after(newest)
        evidence = {"delivery": self.store.uri(self.delivery.key)}
        # What was blocked is tried again: the expectations may have changed meanwhile.
        if newest and newest.revision == revisions.live and newest.sha256 == self.sha256:
            return duplicate(self._title, revisions, evidence=evidence)
        try:
            delivered = self.files.read(self.data, self.delivery.suffix)
            seen = examine(delivered, spec=self.spec, stream=self.stream, suites=self.suites)
        except BadBatch as error:
            return self._block(attempt, revisions, unreadable(error, evidence=evidence))
        context, remarks = self._context(seen.good, revisions)
        findings = Findings(
            numbers={**counts(delivered, seen), **context},
            remarks=[*remarks, *seen.warnings],
            blocks=seen.blocks,
            evidence={**evidence, **self._keep(attempt, revisions, delivered, seen)},
        )
        if findings.blocks:
            return self._block(attempt, revisions, findings)
        try:
            return self._publish(attempt, revisions, seen.good, findings)
        except BadBatch as error:
            findings = replace(findings, blocks=(in_words(error),))
            return self._block(attempt, revisions, findings)

    def _block(self, attempt: Attempt, revisions: Revisions, findings: Findings) -> Verdict:
        key = f"{self._quarantine(revisions)}.blocked{self.delivery.suffix}"
        attempt.check()
        self.store.write(key, self.data)
        evidence = {**findings.evidence, "blocked": self.store.uri(key)}
        return blocked(self._title, revisions, replace(findings, evidence=evidence))

    def _publish(
        self, attempt: Attempt, revisions: Revisions, good: pd.DataFrame, findings: Findings
    ) -> Verdict:
        version = self.tables.publish(
            self._table,
            good.assign(_revision=revisions.next, _available_at=self._event_clock(good)),
            batch=self.delivery.batch,
            writer=attempt.ref.folder,
            attempt=attempt,
            note={
                "record": attempt.ref.key,
                "sha256": self.sha256,
                "revision": str(revisions.next),
            },
        )
        evidence = {**findings.evidence, "table": self.store.uri(f"tables/{self._table}")}
        findings = replace(findings, evidence=evidence)
        return published(self._title, revisions, findings, version=version)

    def _keep(
        self, attempt: Attempt, revisions: Revisions, delivered: pd.DataFrame, seen: Examination
    ) -> dict[str, str]:
        """Bad rows as they were delivered, each with its reasons; and every expectation's outcome.

        Returns:
            Where they are, by name.
        """
        attempt.check()
        outcomes = f"{attempt.ref.folder}/expectations.json"
        self.store.write(outcomes, encode([one.to_json() for one in seen.outcomes]))
        kept = {"expectations": self.store.uri(outcomes)}
        if seen.reasons:
            key = f"{self._quarantine(revisions)}.parquet"
            bad = delivered.loc[list(seen.reasons)]
            bad = bad.assign(**{REASON_COLUMN: list(seen.reasons.values())})
            self.store.write(key, self.files.pack(bad))
            kept["quarantine"] = self.store.uri(key)
        return kept

    def _context(
        self, good: pd.DataFrame, revisions: Revisions
    ) -> tuple[dict[str, Number], list[str]]:
        """What comparing it with other batches and with the other stream says: numbers, words."""
        numbers: dict[str, Number] = {"out_of_order": self._out_of_order(revisions)}
        remarks = ["a later batch was there before it"] if numbers["out_of_order"] else []
        if self.stream == "labels":
            unknown = self._unknown_keys(good[self.spec.key])
            numbers["unknown_keys"] = unknown
            if unknown:
                remarks.append(f"{unknown} labels belong to no row that is known yet")
        return numbers, remarks

    def _out_of_order(self, revisions: Revisions) -> bool:
        entries = self.store.list(f"arrivals/{self._table}")
        batches = {entry.key.split("/")[3] for entry in entries}
        return revisions.next == 1 and any(one > self.delivery.batch for one in batches)

    def _unknown_keys(self, keys: pd.Series) -> int:
        features = f"{self.spec.dataset}/features"
        if self.tables.version(features) is None:
            return len(keys)
        known = self.tables.read(features, columns=[self.spec.key])
        return int((~keys.isin(known[self.spec.key])).sum())

    def _event_clock(self, good: pd.DataFrame) -> datetime:
        """Newest event time among published features, these rows included."""
        newest = self.tables.newest(f"{self.spec.dataset}/features", self.spec.event_time)
        if self.stream == "features":
            here: datetime = good[self.spec.event_time].max().to_pydatetime()
            return here if newest is None else max(newest, here)
        return newest or BEFORE_ANY_FEATURE

    @property
    def _title(self) -> str:
        return f"{self.stream} {self.delivery.batch}"

    @property
    def _table(self) -> str:
        return f"{self.spec.dataset}/{self.stream}"

    def _quarantine(self, revisions: Revisions) -> str:
        return f"quarantine/{self._table}/{self.delivery.batch}/r{revisions.next:04d}"
