"""Run records: each stage's verdict, stored once, under a key that its inputs decide.

A repeat finds the finished record and returns it.
A half-finished one is redone by a new attempt, and the old attempt, should it still be alive,
finds at its commit that it has been superseded.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.errors import NotFound, Permanent, SlipwayError, StoreUnavailable, Superseded
from slipway.records import ledger
from slipway.records.store import Store, digest, encode, find_json
from slipway.records.verdicts import Verdict

VERDICT_LIMIT_BYTES = 8192
_RECORD = "record.json"


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
        return f"{self.folder}/{_RECORD}"

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
        ref, verdict = RunRef(**value["ref"]), Verdict.from_json(value["verdict"])
        return cls(**{**value, "ref": ref, "verdict": verdict})


@dataclass(frozen=True)
class Attempt:
    """One try at a piece of work; its number is the fencing token of all it commits."""

    store: Store
    ref: RunRef
    number: int

    def check(self) -> None:
        """Make sure that this work is still this attempt's; call it right before a commit.

        Raises:
            Superseded: A newer attempt has begun, or another one has finished.
        """
        names = _names(self.store, self.ref)
        newest = _newest_attempt(names)
        finished = _RECORD in names
        if finished or newest != self.number:
            raise Superseded(
                f"attempt {self.number} of {self.ref.folder} may not commit",
                expected=f"attempt {self.number} to be the newest, and none to have finished",
                found="the work is finished" if finished else f"attempt {newest} has begun since",
                hint="nothing is lost: the other attempt does this work",
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
            hint="run that stage first",
        )
    return record


def attempts(store: Store, ref: RunRef) -> int:
    """How many attempts at a piece of work have begun."""
    return _newest_attempt(_names(store, ref))


def find_failure(store: Store, ref: RunRef) -> dict[str, Any] | None:
    """What the newest attempt left when it failed: error, permanent, traceback; or None."""
    number = _newest_attempt(_names(store, ref))
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
        Permanent: The verdict is larger than 8 KB as JSON; nothing was recorded.
        SlipwayError: The work failed; the failure is stored beside the attempt.
    """
    finished = find_record(store, ref)
    if finished is None:
        finished = _attempt(store, ref, work, inputs=inputs, origin=origin)
    enter_in_ledger(store, finished)
    return finished


def _attempt(
    store: Store,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> RunRecord:
    attempt = _begin(store, ref, inputs=inputs, origin=origin)
    started_at = _now()
    try:
        verdict = work(attempt)
        _refuse_large(verdict)
        attempt.check()
    except Superseded as error:
        earlier = find_record(store, ref)
        if earlier is not None and earlier.attempt < attempt.number:
            return earlier
        _record_failure(store, attempt, error)
        raise
    except Exception as error:
        _record_failure(store, attempt, error)
        raise
    record = RunRecord(ref, attempt.number, verdict, inputs, origin, started_at, _now())
    store.create(ref.key, encode(record.to_json()))
    return need_record(store, ref)


def _begin(
    store: Store, ref: RunRef, *, inputs: Mapping[str, Any], origin: Mapping[str, Any]
) -> Attempt:
    beginning = {
        "inputs": dict(inputs),
        "origin": dict(origin),
        "started_at": _now(),
        "ledger_length": ledger.length(store, ref.subject),
    }
    number = _newest_attempt(_names(store, ref))
    while True:
        number += 1
        if store.create(_attempt_key(ref, number), encode(beginning)):
            return Attempt(store, ref, number)


def _names(store: Store, ref: RunRef) -> set[str]:
    return {entry.key.removeprefix(f"{ref.folder}/") for entry in store.list(ref.folder)}


def _newest_attempt(names: set[str]) -> int:
    stems = (name.removeprefix("attempt-").removesuffix(".json") for name in names)
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)


def _attempt_key(ref: RunRef, number: int) -> str:
    return f"{ref.folder}/attempt-{number:04d}.json"


def _refuse_large(verdict: Verdict) -> None:
    size = len(encode(verdict.to_json()))
    if size > VERDICT_LIMIT_BYTES:
        raise Permanent(
            f"the verdict {verdict.action!r} is too large to travel between tasks",
            expected=f"{VERDICT_LIMIT_BYTES} bytes at most, as JSON",
            found=f"{size} bytes",
            hint="put what is long into an object of the store and name it in the evidence",
        )


def _record_failure(store: Store, attempt: Attempt, error: Exception) -> None:
    failure = {
        "error": str(error),
        "kind": type(error).__name__,
        "permanent": isinstance(error, Permanent),
        "traceback": "" if isinstance(error, SlipwayError) else traceback.format_exc(),
    }
    key = f"{attempt.ref.folder}/attempt-{attempt.number:04d}.failed.json"
    # The work's own error is the one to raise, also when the store has gone meanwhile.
    with suppress(StoreUnavailable):
        store.create(key, encode(failure))


def enter_in_ledger(store: Store, record: RunRecord) -> None:
    """Enter a record in its subject's ledger once, also after a kill between the two writes."""
    marker = f"{record.ref.folder}/entered.json"
    if store.exists(marker):
        return
    first = find_json(store, _attempt_key(record.ref, 1)) or {}
    sequence = ledger.enter(
        store,
        record.ref.subject,
        {
            "stage": record.ref.stage,
            "run": record.ref.run,
            "action": record.verdict.action,
            "reason": record.verdict.reason,
            "numbers": dict(record.verdict.numbers),
            "record": record.ref.key,
            "record_sha256": digest(store.read(record.ref.key)),
            "origin": dict(record.origin),
        },
        unique="record",
        after=first.get("ledger_length", 0),
    )
    store.create(marker, encode({"sequence": sequence}))


def _now() -> str:
    return datetime.now(UTC).isoformat()
