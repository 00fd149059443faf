"""Idempotent stages: work is done once and recorded; a repeat returns the finished record.

Half-finished work is done again by a new attempt, which fences off the old one. A verdict that has
to be carried out elsewhere is stored first, as the stage's decision: whoever continues after a
kill carries out that decision and takes no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Permanent, Superseded, Tampered
from slipway.records import ledger
from slipway.records.attempts import (
    Attempt,
    begin_attempt,
    ledger_length_at_start,
    record_failure,
)
from slipway.records.open_work import close_stage, open_stage, open_stages
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record, need_record
from slipway.records.store import Store, digest, encode, find_json
from slipway.records.verdicts import Verdict

logger = logging.getLogger(__name__)

VERDICT_LIMIT_BYTES = 8192
"""Airflow keeps a verdict as an XCom, in its database."""

CarryOut = Callable[[Attempt, Verdict], None]
"""Carries out a decision; idempotent, and calls `Attempt.check` right before each commit."""


def perform(
    context: RunContext,
    ref: RunRef,
    work: Callable[[Attempt], Verdict],
    *,
    inputs: Mapping[str, Any],
    carry_out: CarryOut | None = None,
) -> RunRecord:
    """Do a piece of work once and record its verdict; a repeat returns the record.

    First it enters in the ledger what earlier stages of the subject recorded and did not enter.

    Args:
        context: Store and origin of the run.
        ref: Piece of work.
        work: Does the work; calls `Attempt.check` right before each of its own commits.
        inputs: Inputs to record.
        carry_out: Carries out the verdict, which is stored as a decision before and recorded
            after; a repeat after a kill calls it again, and `work` no more.

    Raises:
        Superseded: A newer attempt began meanwhile; nothing was recorded.
        Permanent: The verdict is larger than 8 KB as JSON; nothing was recorded.
        SlipwayError: The work failed; the failure is stored beside the attempt.
    """
    enter_open_records(context.store, ref.subject)
    finished = find_record(context.store, ref)
    if finished is None:
        open_stage(context.store, ref)
        finished = _attempt(context, ref, work, inputs=inputs, carry_out=carry_out)
    enter_in_ledger(context.store, finished)
    return finished


def find_decision(store: Store, ref: RunRef) -> Verdict | None:
    """Return the decision that a stage is carrying out or has carried out, or None.

    One that was damaged is none: the stage decides again, or is undone.
    """
    with suppress(Tampered, KeyError, TypeError, AttributeError):
        value = find_json(store, _decision_key(ref))
        return None if value is None else Verdict.from_json(value)
    logger.warning("%s is damaged: the stage decides again", _decision_key(ref))
    return None


def enter_open_records(store: Store, subject: str) -> None:
    """Enter what was recorded about a dataset or model and not entered, as after a kill."""
    for ref in open_stages(store, subject):
        record = find_record(store, ref)
        if record is not None:
            enter_in_ledger(store, record)


def enter_in_ledger(store: Store, record: RunRecord) -> None:
    """Enter a record in its subject's ledger once, also after a kill between the two writes."""
    marker = f"{record.ref.folder}/entered.json"
    if not store.exists(marker):
        _enter(store, record, marker=marker)
    close_stage(store, record.ref)


def _enter(store: Store, record: RunRecord, *, marker: str) -> None:
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
            "finished_at": record.finished_at,
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
    carry_out: CarryOut | None,
) -> RunRecord:
    store, origin = context.store, context.origin
    attempt = begin_attempt(store, ref, inputs=inputs, origin=origin)
    started_at = _now()
    try:
        if carry_out is None:
            verdict = work(attempt)
            _refuse_large(verdict)
        else:
            verdict = _decide(attempt, work)
            carry_out(attempt, verdict)
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


def _decide(attempt: Attempt, work: Callable[[Attempt], Verdict]) -> Verdict:
    """The stored decision; the work's verdict becomes it if there is none yet."""
    decided = find_decision(attempt.store, attempt.ref)
    if decided is not None:
        return decided
    verdict = work(attempt)
    _refuse_large(verdict)
    attempt.check()
    stored = encode(verdict.to_json())
    if not attempt.store.create(_decision_key(attempt.ref), stored):
        decided = find_decision(attempt.store, attempt.ref)
        if decided is not None:
            return decided
        attempt.store.write(_decision_key(attempt.ref), stored)
    return verdict


def _decision_key(ref: RunRef) -> str:
    return f"{ref.folder}/decision.json"


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
