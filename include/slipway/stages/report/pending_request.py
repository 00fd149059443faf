"""Tell what the newest retrain request waits for: policy, person, or a rule that is against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.records import requests
from slipway.records.approvals import find_approval
from slipway.records.withdrawals import find_withdrawal

if TYPE_CHECKING:
    from slipway.records.requests import Decision, Request
    from slipway.records.store import Store
    from slipway.spec.retraining import Retraining


def describe_pending(store: Store, model: str, policy: Retraining | None) -> str | None:
    """Describe the newest request that is undecided, or suppressed and still due, in a sentence.

    Args:
        store: Store of the requests.
        model: Name of the model.
        policy: The model's rules; None: its spec is not known.
    """
    newest = next(requests.newest_first(store, model), None)
    if newest is None:
        return None
    decision = requests.find_decision(store, newest)
    if decision is None:
        return _undecided(store, newest, policy)
    return _suppressed(store, newest, decision)


def _undecided(store: Store, request: Request, policy: Retraining | None) -> str:
    named = _named(request)
    approval = find_approval(store, request)
    if approval is not None and approval.answer == "yes":
        return f"{named}, to which {approval.by} said yes, waits for its turn: {request.reason}"
    needs_person = policy is not None and policy.mode == "approve" and request.kind != "person"
    if needs_person and approval is None:
        command = f"`slipway approve {request.model} {request.number}`"
        return f"{named} waits for a person's yes ({command}): {request.reason}"
    return f"{named} waits for the retraining policy: {request.reason}"


def _suppressed(store: Store, request: Request, decision: Decision) -> str | None:
    is_automatic = decision.action == "suppress" and request.kind != "person"
    if not is_automatic or find_withdrawal(store, request) is not None:
        return None
    return f"{_named(request)} was suppressed: {decision.reason}"


def _named(request: Request) -> str:
    return f"request {request.number} ({request.kind})"
