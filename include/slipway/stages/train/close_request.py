"""The tail of a training run: how the request that it worked on ended.

An accepted request is answered once, from its stages' records alone; until then it is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.requests import Outcome, Request
from slipway.records.runs import Attempt, RunRef, attempts, find_failure, find_record, perform
from slipway.records.verdicts import Verdict

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec

STAGES = ("snapshot", "train", "evaluate", "gate", "promote_challenger")
"""What a request passes through, in order, before it is answered."""

UNEXPECTED_ATTEMPTS = 2
"""A stage that ends so often, and at last with an error that nobody foresaw, will not succeed."""

SILENT_ATTEMPTS = 10
"""Nor will one that was begun so often and at last was killed: out of memory, or of time."""


def answer(
    spec: ModelSpec, *, request: Request, store: Store, origin: Mapping[str, Any]
) -> Verdict:
    """How a request ended: `answered`, or `open` when a later run has to take it up again.

    Args:
        spec: The model.
        request: An accepted request.
        store: Where its stages left their records.
        origin: Who runs this.

    Raises:
        BadParameter: It was not accepted.
    """
    decision = requests.find_decision(store, request)
    if decision is None or decision.action != "accept":
        raise BadParameter(
            f"request {request.number} of {spec.model} cannot be answered",
            expected="an accepted request",
            found="a suppressed one" if decision else "an undecided one",
        )
    outcome, reason = _outcome(store, request)
    if outcome is None:
        return Verdict("open", reason, about(request))

    def work(attempt: Attempt) -> Verdict:
        attempt.check()
        given = requests.answer(store, request, outcome=outcome, reason=reason)
        numbers = {**about(request), "outcome": given.outcome}
        return Verdict("answered", given.reason, numbers)

    ref = RunRef(spec.model, request.run, "answer")
    return perform(store, ref, work, inputs={"request": request.number}, origin=origin).verdict


def _outcome(store: Store, asked: Request) -> tuple[Outcome | None, str]:
    """How the stages of a request ended; None while the first unfinished one can still succeed."""
    for stage in STAGES:
        ref = RunRef(asked.model, asked.run, stage)
        record = find_record(store, ref)
        if record is None:
            failure = find_failure(store, ref) or {}
            if failure.get("permanent") and failure["kind"] != "Superseded":
                return "failed", f"{stage} failed and a retry cannot help: {failure['error']}"
            hopeless = _hopeless(failure, attempts(store, ref))
            if hopeless is not None:
                return "failed", f"{stage} {hopeless}"
            why = f"last error: {failure['error']}" if failure else "it has not run to its end"
            return None, f"{stage} is not finished ({why}); the next sweep takes it up again."
        if stage == STAGES[-1]:
            promoted = record.verdict.action == "promoted"
            return "promoted" if promoted else "refused", record.verdict.reason
    raise AssertionError  # the loop returns at its last stage


def _hopeless(failure: Mapping[str, Any], tries: int) -> str | None:
    """Why a stage is given up though its error may pass, or None; else it would block for ever."""
    if failure.get("traceback") and tries >= UNEXPECTED_ATTEMPTS:
        # The error's own words may hold values; its kind does not.
        return f"failed in attempt {tries} with an unexpected {failure['kind']}; see its log."
    if not failure and tries >= SILENT_ATTEMPTS:
        return f"was killed in attempt {tries}; look at the memory and the time that it needs."
    return None


def about(request: Request) -> dict[str, int | str]:
    """Which request a verdict is about."""
    return {"request": request.number, "kind": request.kind}
