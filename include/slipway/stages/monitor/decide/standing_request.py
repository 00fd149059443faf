"""Keep the monitor's request in line with its windows: withdraw it, or ask anew."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from slipway.records import requests
from slipway.records.requests import Request, file_request
from slipway.records.withdrawals import find_withdrawal, withdraw
from slipway.stages.monitor.decide.judge_windows import NOTHING

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.records.verdicts import Verdict

KINDS = frozenset({"decay", "drift"})


def file_standing(
    store: Store, model: str, verdict: Verdict, *, clock: datetime, by: str
) -> Request:
    """File the request that windows call for, or return it where it stands already.

    One that was withdrawn, since a verdict was revised to and fro, is filed anew.

    Args:
        store: Store of the requests.
        model: Name of the model.
        verdict: Decision with `kind` and `window`.
        clock: The dataset's event clock.
        by: Run that decides.
    """
    kind: Literal["decay", "drift"] = "decay" if verdict.numbers["kind"] == "decay" else "drift"
    unique = f"{kind}-{verdict.numbers['window']}"
    after = ""
    while True:
        request = file_request(
            store,
            model,
            kind=kind,
            reason=verdict.reason,
            at=clock.isoformat(),
            by=by,
            unique=f"{unique}{after}",
            evidence=verdict.evidence,
        )
        if find_withdrawal(store, request) is None:
            return request
        after = f"-after-{request.number}"


def withdraw_standing(store: Store, model: str, *, reason: str) -> None:
    """Withdraw the monitor's newest request, unless a training has begun on it or since.

    Args:
        store: Store of the requests.
        model: Name of the model.
        reason: What the windows say now.
    """
    for request in requests.newest_first(store, model):
        decision = requests.find_decision(store, request)
        is_accepted = decision is not None and decision.action == "accept"
        if is_accepted and not request.dry_run:
            return
        if request.kind in KINDS:
            if find_withdrawal(store, request) is None:
                withdraw(store, request, reason=reason.removeprefix(NOTHING))
            return
