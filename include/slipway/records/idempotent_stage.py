"""Idempotent stages: work is done once and recorded; a repeat returns the finished record.

Half-finished work is done again by a new attempt, which fences off the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Permanent, Superseded
from slipway.records import ledger
from slipway.records.attempts import (
    Attempt,
    begin_attempt,
    ledger_length_at_start,
    record_failure,
)
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record, need_record
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict

VERDICT_LIMIT_BYTES = 8192
"""Airflow keeps a verdict as an XCom, in its database."""


def perform(
    context: RunContext,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
) -> RunRecord:
    """Do a piece of work once and record its verdict; a repeat returns the record.

    Args:
        context: Store and origin of the run.
        ref: Piece of work.
        work: Does the work; calls `Attempt.check` right before each of its own commits.
        inputs: Inputs to record.

    Raises:
        Superseded: A newer attempt began meanwhile; nothing was recorded.
        Permanent: The verdict is larger than 8 KB as JSON; nothing was recorded.
        SlipwayError: The work failed; the failure is stored beside the attempt.
    """
    finished = find_record(context.store, ref)
    if finished is None:
        finished = _attempt(context, ref, work, inputs=inputs)
    enter_in_ledger(context.store, finished)
    return finished


def enter_in_ledger(store: Store, record: RunRecord) -> None:
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
            "numbers": dict(record.verdict.numbers),
            "record": record.ref.key,
            "record_sha256": digest(store.read(record.ref.key)),
            "origin": dict(record.origin),
        },
        unique="record",
        after=ledger_length_at_start(store, record.ref),
    )
    store.create(marker, encode({"sequence": sequence}))


def _attempt(
    context: RunContext,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
) -> RunRecord:
    store, origin = context.store, context.origin
    attempt = begin_attempt(store, ref, inputs=inputs, origin=origin)
    started_at = _now()
    try:
        verdict = work(attempt)
        _refuse_large(verdict)
        attempt.check()
    except Superseded as error:
        earlier = find_record(store, ref)
        if earlier is not None and earlier.attempt < attempt.number:
            return earlier
        record_failure(attempt, error)
        raise
    except Exception as error:
        record_failure(attempt, error)
        raise
    record = RunRecord(ref, attempt.number, verdict, inputs, origin, started_at, _now())
    store.create(ref.key, encode(record.to_json()))
    return need_record(store, ref)


def _refuse_large(verdict: Verdict) -> None:
    size = len(encode(verdict.to_json()))
    if size > VERDICT_LIMIT_BYTES:
        raise Permanent(
            f"the verdict {verdict.action!r} is too large to travel between tasks",
            expected=f"{VERDICT_LIMIT_BYTES} bytes at most, as JSON",
            found=f"{size} bytes",
            hint="put what is long into an object of the store and name it in the evidence",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()
