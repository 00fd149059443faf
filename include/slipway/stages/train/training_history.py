"""Read the trainings of the past from requests, run records and registry, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.errors import NotFound
from slipway.records import requests
from slipway.records.requests import Answer, Request
from slipway.records.run_records import RunRef, find_record
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from slipway.stages.train.retrain_facts import PastTraining

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import Registry


def past_trainings(store: Store, registry: Registry, model: str) -> Iterator[PastTraining]:
    """Yield the accepted requests that were no dry runs, newest first.

    Args:
        store: Store of requests and run records.
        registry: How the rollout of a promoted version ended.
        model: Name of the model.
    """
    corrected: datetime | None = None
    for request in requests.newest_first(store, model):
        decision = requests.find_decision(store, request)
        if decision is None or "clock" not in decision.numbers:
            continue
        clock = datetime.fromisoformat(str(decision.numbers["clock"]))
        corrected = clock if corrected is None else min(corrected, clock)
        if decision.action != "accept" or request.dry_run:
            continue
        answer = requests.find_answer(store, request)
        yield PastTraining(
            number=request.number,
            at=corrected,
            labels=int(decision.numbers["labels"] or 0),
            automatic=request.kind != "person",
            by_person=request.kind == "person" or "approved_by" in decision.numbers,
            outcome=None if answer is None else answer.outcome,
            rejected=_rejected(store, registry, request, answer),
        )


def _rejected(
    store: Store, registry: Registry, request: Request, answer: Answer | None
) -> str | None:
    """How the challenger of a request was rejected, in words; None: it was not."""
    if answer is None:
        return None
    if answer.outcome == "refused":
        return f"that of request {request.number} was refused by its gates"
    record = find_record(store, RunRef(request.model, request.run, "promote_challenger"))
    version = None if record is None else record.verdict.numbers.get("version")
    if answer.outcome != "promoted" or version is None:
        return None
    try:
        outcome = registry.version(request.model, int(version)).tags.get(ROLLOUT_TAG, "")
    except NotFound:
        return None
    if outcome not in BLOCKED:
        return None
    return f"version {version} was {outcome.replace('_', ' ')} by its rollout"
