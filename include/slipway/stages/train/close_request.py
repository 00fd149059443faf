"""Close a retrain request: answer it once, from the run records of its stages.

An accepted request stays open until then, and a later training run resumes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.attempts import Attempt, count_attempts, find_failure
from slipway.records.idempotent_stage import perform
from slipway.records.open_work import close_run, open_stages
from slipway.records.requests import Outcome, Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef, find_record
from slipway.records.verdicts import Verdict
from slipway.stages.train.crash_limit import crash_limit_reason
from slipway.stages.train.dry_run import DRY_RUN
from slipway.stages.train.training_stages import training_stages

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec

_OUTCOMES: Mapping[str, Outcome] = {
    "promoted": "promoted",
    "refused": "refused",
    DRY_RUN: "dry_run",
}


def answer(spec: ModelSpec, *, request: Request, context: RunContext) -> Verdict:
    """Answer a request: `answered`, or `open` when a later run has to resume it.

    Args:
        spec: Model.
        request: An accepted request.
        context: Store and origin of the run.

    Raises:
        BadParameter: The request was not accepted.
    """
    store = context.store
    decision = requests.find_decision(store, request)
    if decision is None or decision.action != "accept":
        raise BadParameter(
            f"request {request.number} of {spec.model} cannot be answered",
            expected="an accepted request",
            found="a suppressed one" if decision else "an undecided one",
        )
    outcome, reason = _outcome(store, request, training_stages(spec))
    if outcome is None:
        return Verdict("open", reason, request_numbers(request))

    def work(attempt: Attempt) -> Verdict:
        attempt.check()
        answered = requests.answer(store, request, outcome=outcome, reason=reason)
        numbers = {**request_numbers(request), "outcome": answered.outcome}
        return Verdict("answered", answered.reason, numbers)

    ref = RunRef(spec.model, request.run, "answer")
    inputs = {"request": request.number}
    verdict = perform(context, ref, work, inputs=inputs).verdict
    close_run(store, spec.model, request.run)
    return verdict


def complete_answers(spec: ModelSpec, *, context: RunContext) -> None:
    """Record the answers that were given by runs which were stopped before their record.

    Args:
        spec: Model.
        context: Store and origin of the run.
    """
    store = context.store
    runs = sorted({ref.run for ref in open_stages(store, spec.model)})
    for run in runs:
        number = requests.number_of(run)
        request = None if number is None else requests.read_request(store, spec.model, number)
        if request is not None and requests.find_answer(store, request) is not None:
            answer(spec, request=request, context=context)


def request_numbers(request: Request) -> dict[str, int | str]:
    """Return a request's number and kind, for the numbers of a verdict."""
    return {"request": request.number, "kind": request.kind}


def _outcome(store: Store, request: Request, stages: Sequence[str]) -> tuple[Outcome | None, str]:
    """Outcome and reason; None while the first unfinished stage can still succeed."""
    # What is recorded at the end holds, also where the spec asks for a further stage by now.
    last = find_record(store, RunRef(request.model, request.run, stages[-1]))
    if last is not None:
        return _OUTCOMES[last.verdict.action], last.verdict.reason
    for stage in stages:
        ref = RunRef(request.model, request.run, stage)
        record = find_record(store, ref)
        if record is None:
            failure = find_failure(store, ref) or {}
            if failure.get("permanent") and failure["kind"] != "Superseded":
                return "failed", f"{stage} failed and a retry cannot help: {failure['error']}"
            given_up = crash_limit_reason(failure, count_attempts(store, ref))
            if given_up is not None:
                return "failed", f"{stage} {given_up}"
            why = f"last error: {failure['error']}" if failure else "it has not run to its end"
            return None, f"{stage} is not finished ({why}); the next sweep takes it up again."
    raise AssertionError  # the last stage has no record, so the loop returns there
