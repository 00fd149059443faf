"""Run records: each stage's verdict, stored once, under a key that its inputs decide.

A repeat finds the finished record and returns it.
A half-finished one is redone by a new attempt, and the old attempt, should it still be alive,
finds at its commit that it has been superseded.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from slipway.errors import NotFound, Permanent, SlipwayError, Superseded
from slipway.records import ledger
from slipway.records.store import Store, digest, encode, find_json, read_json

Number = int | float | str | bool | None


@dataclass(frozen=True)
class Verdict:
    """What a stage decided, and why.

    Attributes:
        action: One word or two, from the stage's own list (`promote`, `refuse`, `blocked`, …).
        reason: The decision in a sentence that a person can act on.
        numbers: The numbers that were compared, by name.
        evidence: Where to look: name to URI or store key.
    """

    action: str
    reason: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """The value that `to_json` wrote."""
        return cls(**value)


@dataclass(frozen=True)
class RunRef:
    """Which piece of work a record is about.

    Attributes:
        subject: Dataset or model.
        run: Names the inputs (`request-000003`, `features-2013-05-1f2e…`); never a clock.
        stage: Stage name.
    """

    subject: str
    run: str
    stage: str

    @property
    def folder(self) -> str:
        """Store folder of this piece of work."""
        return f"runs/{self.subject}/{self.run}/{self.stage}"

    @property
    def key(self) -> str:
        """Store key of the finished record."""
        return f"{self.folder}/record.json"

    def beside(self, stage: str) -> RunRef:
        """Another stage of the same run."""
        return RunRef(self.subject, self.run, stage)


@dataclass(frozen=True)
class RunRecord:
    """A finished piece of work.

    Attributes:
        ref: Which piece of work.
        attempt: Which try of it finished.
        verdict: What was decided.
        inputs: What went in: versions, windows, digests.
        origin: Who ran it: DAG, run, try, host, person.
        started_at: Wall time, ISO 8601, UTC.
        finished_at: Wall time, ISO 8601, UTC.
    """

    ref: RunRef
    attempt: int
    verdict: Verdict
    inputs: Mapping[str, Any]
    origin: Mapping[str, Any]
    started_at: str
    finished_at: str

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunRecord:
        """The value that `to_json` wrote."""
        return cls(
            **{
                **value,
                "ref": RunRef(**value["ref"]),
                "verdict": Verdict.from_json(value["verdict"]),
            }
        )


@dataclass(frozen=True)
class Attempt:
    """One try at a piece of work; its number is the fencing token of all it commits."""

    store: Store
    ref: RunRef
    number: int

    def check(self) -> None:
        """Make sure that no newer attempt has begun; call it right before a commit.

        Raises:
            Superseded: A newer attempt owns this work.
        """
        newest = _newest_attempt(self.store, self.ref)
        if newest != self.number:
            raise Superseded(
                f"attempt {self.number} of {self.ref.folder} may not commit",
                expected=f"attempt {self.number} to be the newest",
                found=f"attempt {newest} has begun since",
                hint="nothing is lost: the newer attempt does this work",
            )


def find_record(store: Store, ref: RunRef) -> RunRecord | None:
    """The finished record of a piece of work, or None."""
    value = find_json(store, ref.key)
    return None if value is None else RunRecord.from_json(value)


def need_record(store: Store, ref: RunRef) -> RunRecord:
    """The finished record of a piece of work that has to be there.

    Raises:
        NotFound: The stage has not finished.
    """
    record = find_record(store, ref)
    if record is None:
        raise NotFound(
            f"{ref.stage} of {ref.subject} {ref.run} has not finished",
            where=ref.key,
            hint=f"run `slipway run {ref.stage}` first",
        )
    return record


def find_failure(store: Store, ref: RunRef) -> dict[str, Any] | None:
    """What the newest attempt left when it failed: error, permanent, traceback; or None."""
    number = _newest_attempt(store, ref)
    return find_json(store, f"{ref.folder}/attempt-{number:04d}.failed.json")


def perform(
    store: Store,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> RunRecord:
    """Do a piece of work once and record its verdict; a repeat returns the record.

    Args:
        store: Where records live.
        ref: Which piece of work.
        work: Does it; calls `Attempt.check` right before each of its own commits.
        inputs: What goes in, for the record.
        origin: Who runs it, for the record and the ledger.

    Raises:
        Superseded: A newer attempt began meanwhile; nothing was recorded.
        SlipwayError: The work failed; the failure is stored beside the attempt.
    """
    finished = find_record(store, ref)
    if finished is None:
        finished = _attempt(store, ref, work, inputs=inputs, origin=origin)
    _enter_in_ledger(store, finished)
    return finished


def _attempt(
    store: Store,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> RunRecord:
    attempt = _begin(store, ref, origin)
    started_at = _now()
    try:
        verdict = work(attempt)
    except Exception as error:
        _record_failure(store, attempt, error)
        raise
    attempt.check()
    record = RunRecord(ref, attempt.number, verdict, inputs, origin, started_at, _now())
    if not store.create(ref.key, encode(record.to_json())):
        return RunRecord.from_json(read_json(store, ref.key))
    return record


def _begin(store: Store, ref: RunRef, origin: Mapping[str, Any]) -> Attempt:
    number = _newest_attempt(store, ref)
    while True:
        number += 1
        key = f"{ref.folder}/attempt-{number:04d}.json"
        if store.create(key, encode({"origin": dict(origin), "started_at": _now()})):
            return Attempt(store, ref, number)


def _newest_attempt(store: Store, ref: RunRef) -> int:
    names = (entry.key.rsplit("/", 1)[1] for entry in store.list(ref.folder))
    numbers = [int(name[8:12]) for name in names if name.startswith("attempt-")]
    return max(numbers, default=0)


def _record_failure(store: Store, attempt: Attempt, error: Exception) -> None:
    failure = {
        "error": str(error),
        "kind": type(error).__name__,
        "permanent": isinstance(error, Permanent),
        "traceback": "" if isinstance(error, SlipwayError) else traceback.format_exc(),
    }
    key = f"{attempt.ref.folder}/attempt-{attempt.number:04d}.failed.json"
    store.create(key, encode(failure))


def _enter_in_ledger(store: Store, record: RunRecord) -> None:
    """Enter a record in its subject's ledger once, also after a kill between the two writes."""
    marker = f"{record.ref.folder}/entered.json"
    if store.exists(marker):
        return
    sequence = ledger.enter(
        store,
        record.ref.subject,
        {
            "stage": record.ref.stage,
            "run": record.ref.run,
            "action": record.verdict.action,
            "reason": record.verdict.reason,
            "record": record.ref.key,
            "record_sha256": digest(encode(record.to_json())),
            "origin": dict(record.origin),
        },
        unique="record",
    )
    store.create(marker, encode({"sequence": sequence}))


def _now() -> str:
    return datetime.now(UTC).isoformat()
