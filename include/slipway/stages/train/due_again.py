"""File a suppressed request again once the policy would accept it, as long as it stays due."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from slipway.records import requests
from slipway.records.requests import Decision, Request
from slipway.records.withdrawals import find_withdrawal
from slipway.stages.train.decide_request import Moment, read_facts
from slipway.stages.train.due_requests import has_model
from slipway.stages.train.retrain_policy import apply_policy

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.registry import Registry

MONITOR = frozenset({"decay", "drift"})
"""Kinds of the monitor's requests: a newer one stands for all earlier ones."""

_AGAIN = " It stays due: "


def file_again(spec: ModelSpec, store: Store, registry: Registry, moment: Moment) -> None:
    """File the newest automatic request that stays due again, if nothing stands against it now.

    It is filed once more too when the clock was corrected since: the new decision shows the
    correction to the budget and the cool-down.

    Args:
        spec: Model.
        store: Store of the requests.
        registry: Whether there is a model.
        moment: State of dataset and model.
    """
    if spec.retraining.mode in {"observe", "suggest"}:
        return
    found = find_due(spec, store, registry)
    if found is None:
        return
    request, decision = found
    facts = read_facts(spec, store, registry, moment)
    is_corrected = facts.clock < datetime.fromisoformat(str(decision.numbers["clock"]))
    if apply_policy(request.kind, facts, spec.retraining).action == "suppress" and not is_corrected:
        return
    reason = request.reason.partition(_AGAIN)[0]
    requests.file_request(
        store,
        spec.model,
        kind=request.kind,
        reason=f"{reason}{_AGAIN}request {request.number} was suppressed.",
        at=facts.clock.isoformat(),
        by="accept",
        unique=f"again-{request.number}",
        evidence=request.evidence,
    )


def find_due(spec: ModelSpec, store: Store, registry: Registry) -> tuple[Request, Decision] | None:
    """Return the newest automatic request that was suppressed and stays due, with the decision.

    None once a training began after it, while an automatic request is undecided, and where a
    person has said no.
    """
    seen = set[str]()
    for request in requests.newest_first(store, spec.model):
        decision = requests.find_decision(store, request)
        if request.kind == "person" or request.dry_run:
            if decision is not None and decision.action == "accept" and not request.dry_run:
                return None
            continue
        if decision is None or decision.action == "accept" or decision.numbers.get("refused_by"):
            return None
        kind = "monitor" if request.kind in MONITOR else request.kind
        if (
            kind not in seen
            and _is_due(spec, store, registry, request)
            and "clock" in decision.numbers
        ):
            return request, decision
        seen.add(kind)
    return None


def _is_due(spec: ModelSpec, store: Store, registry: Registry, request: Request) -> bool:
    """Whether what a request asked for is asked for still."""
    if request.kind in MONITOR:
        return find_withdrawal(store, request) is None
    if request.kind == "batch":
        return spec.retraining.on_batch
    if request.kind == "cron":
        return spec.retraining.cron is not None
    return not has_model(registry, spec.model)
