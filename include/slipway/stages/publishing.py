"""What becomes of one delivery: published, published as a revision, skipped, or blocked.

The order of side effects loses nothing: first what goes to quarantine, then the table's one
commit. Each has a key or a partition of its own, so a repeat writes the same things again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from slipway.errors import BadBatch
from slipway.records import arrivals
from slipway.records.arrivals import Delivery, Registration, StreamName
from slipway.records.runs import Attempt
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec
from slipway.stages.validation import Examination, Suites, examine

if TYPE_CHECKING:
    import pandas as pd

REASON_COLUMN = "_reason"
BEFORE_ANY_FEATURE = datetime(1970, 1, 1, tzinfo=UTC)
"""Event clock of a dataset without features: labels that landed first were known all along."""

_REASON_LIMIT = 1500


class Files(Protocol):
    """Parses deliveries and packs what goes to quarantine."""

    def read(self, data: bytes, suffix: str) -> pd.DataFrame:
        """Rows of one delivery, counted from 0.

        Raises:
            BadBatch: The file cannot be read, or holds no row.
        """

    def pack(self, frame: pd.DataFrame) -> bytes:
        """A frame as the bytes of a Parquet file."""


class Tables(Protocol):
    """Versioned tables, named `<dataset>/<stream>`."""

    def publish(
        self,
        table: str,
        frame: pd.DataFrame,
        *,
        batch: str,
        writer: str,
        attempt: Attempt,
        note: Mapping[str, str],
    ) -> int:
        """Replace a batch's rows in one fenced commit; the table's new version."""

    def version(self, table: str) -> int | None:
        """Newest version, or None when there is no such table."""

    def read(self, table: str, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Rows of the newest version."""

    def newest(self, table: str, column: str) -> datetime | None:
        """Largest value of a column, or None when there are no rows."""


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
        standing = Standing.after(newest)
        # What was blocked is tried again: the expectations may have changed meanwhile.
        if newest and newest.revision == standing.live and newest.sha256 == self.sha256:
            return self._duplicate(standing)
        try:
            delivered = self.files.read(self.data, self.delivery.suffix)
            seen = examine(delivered, spec=self.spec, stream=self.stream, suites=self.suites)
        except BadBatch as error:
            return self._block(attempt, standing, [_in_a_line(error)])
        numbers = {**_counts(delivered, seen), **self._context(seen, standing)}
        evidence = self._keep(attempt, standing, delivered, seen)
        if seen.blocks:
            return self._block(attempt, standing, seen.blocks, numbers=numbers, evidence=evidence)
        return self._publish(attempt, standing, seen, numbers=numbers, evidence=evidence)

    def _duplicate(self, standing: Standing) -> Verdict:
        return Verdict(
            "duplicate",
            f"{self._title} was delivered again without a change; "
            f"revision {standing.live} stays as it is.",
            {"revision": standing.live, "live_revision": standing.live},
            {"delivery": self.store.uri(self.delivery.key)},
        )

    def _block(
        self,
        attempt: Attempt,
        standing: Standing,
        why: Sequence[str],
        *,
        numbers: Mapping[str, Number] | None = None,
        evidence: Mapping[str, str] | None = None,
    ) -> Verdict:
        key = f"{self._quarantine(standing)}.blocked{self.delivery.suffix}"
        attempt.check()
        self.store.write(key, self.data)
        stays = f"revision {standing.live} stays live" if standing.live else "nothing is published"
        return Verdict(
            "blocked",
            _short(f"{self._title} may not enter the table: {'; '.join(why)}; {stays}."),
            {
                **(numbers or {}),
                "revision": standing.next_revision,
                "live_revision": standing.live,
            },
            {
                **(evidence or {}),
                "delivery": self.store.uri(self.delivery.key),
                "blocked": self.store.uri(key),
            },
        )

    def _publish(
        self,
        attempt: Attempt,
        standing: Standing,
        seen: Examination,
        *,
        numbers: Mapping[str, Number],
        evidence: Mapping[str, str],
    ) -> Verdict:
        revision = standing.next_revision
        rows = seen.good.assign(_revision=revision, _available_at=self._event_clock(seen.good))
        version = self.tables.publish(
            self._table,
            rows,
            batch=self.delivery.batch,
            writer=attempt.ref.folder,
            attempt=attempt,
            note={"record": attempt.ref.key, "sha256": self.sha256, "revision": str(revision)},
        )
        return Verdict(
            "ingested" if standing.live is None else "revised",
            _short(self._told(seen, standing, numbers, version=version)),
            {
                **numbers,
                "revision": revision,
                "live_revision": revision,
                "table_version": version,
            },
            {
                **evidence,
                "delivery": self.store.uri(self.delivery.key),
                "table": self.store.uri(f"tables/{self._table}"),
            },
        )

    def _keep(
        self, attempt: Attempt, standing: Standing, delivered: pd.DataFrame, seen: Examination
    ) -> dict[str, str]:
        """Bad rows as they were delivered, each with its reasons; and every expectation's outcome.

        Returns:
            Where they are, by name.
        """
        attempt.check()
        findings = f"{attempt.ref.folder}/expectations.json"
        self.store.write(findings, encode([one.to_json() for one in seen.outcomes]))
        evidence = {"expectations": self.store.uri(findings)}
        if seen.reasons:
            key = f"{self._quarantine(standing)}.parquet"
            bad = delivered.loc[list(seen.reasons)]
            bad = bad.assign(**{REASON_COLUMN: list(seen.reasons.values())})
            self.store.write(key, self.files.pack(bad))
            evidence["quarantine"] = self.store.uri(key)
        return evidence

    def _context(self, seen: Examination, standing: Standing) -> dict[str, Number]:
        """What is known by comparing it with the other batches and the other stream."""
        folder = f"arrivals/{self.spec.dataset}/{self.stream}"
        batches = {entry.key.split("/")[3] for entry in self.store.list(folder)}
        late = standing.next_revision == 1 and any(one > self.delivery.batch for one in batches)
        context: dict[str, Number] = {"out_of_order": late}
        if self.stream == "labels":
            context["unknown_keys"] = self._unknown_keys(seen.good[self.spec.key])
        return context

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

    def _told(
        self,
        seen: Examination,
        standing: Standing,
        numbers: Mapping[str, Number],
        *,
        version: int,
    ) -> str:
        good, rows = len(seen.good), numbers["rows"]
        told = [
            f"{good} of {rows} rows of {self._title} are in version {version} of the table",
            f"{len(seen.reasons)} went to quarantine" if seen.reasons else "none was bad",
        ]
        if standing.live is not None:
            told.append(
                f"the file had changed, so revision {standing.next_revision} "
                f"replaces revision {standing.live}"
            )
        if numbers["out_of_order"]:
            told.append("a later batch was there before it")
        if numbers.get("unknown_keys"):
            told.append(f"{numbers['unknown_keys']} labels belong to no known row")
        return f"{'; '.join([*told, *seen.warnings])}."

    @property
    def _title(self) -> str:
        return f"{self.stream} {self.delivery.batch}"

    @property
    def _table(self) -> str:
        return f"{self.spec.dataset}/{self.stream}"

    def _quarantine(self, standing: Standing) -> str:
        return f"quarantine/{self._table}/{self.delivery.batch}/r{standing.next_revision:04d}"


@dataclass(frozen=True)
class Standing:
    """Where a batch stands before a delivery of it is handled.

    Attributes:
        live: Revision whose rows are in the table, or None.
        next_revision: What the delivery becomes, unless it repeats the live one.
    """

    live: int | None
    next_revision: int

    @classmethod
    def after(cls, newest: Registration | None) -> Standing:
        """Where the registration of the newest revision leaves a batch."""
        if newest is None:
            return cls(None, 1)
        live = newest.note.get("live_revision")
        return cls(None if live is None else int(live), newest.revision + 1)


def _counts(delivered: pd.DataFrame, seen: Examination) -> dict[str, Number]:
    bad = len(seen.reasons)
    return {
        "rows": len(delivered),
        "quarantined": bad,
        "quarantined_share": round(bad / len(delivered), 6),
        "expectations": len(seen.outcomes),
        "failed_expectations": sum(not one.success for one in seen.outcomes),
        "warnings": len(seen.warnings),
    }


def _in_a_line(error: BadBatch) -> str:
    parts = [error.message]
    if error.expected is not None:
        parts.append(f"expected {error.expected}")
    if error.found is not None:
        parts.append(f"found {error.found}")
    return ", ".join(parts)


def _short(text: str) -> str:
    return text if len(text) <= _REASON_LIMIT else f"{text[:_REASON_LIMIT]}…"
