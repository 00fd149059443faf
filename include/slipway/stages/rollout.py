"""Rolling out, in the order of its DAG: reconcile, verify, shift, switch, promote the champion."""

from __future__ import annotations

from slipway.stages.platform import Answer, Candidate, Payload, Platform, Served, payload
from slipway.stages.reconciling import reconcile
from slipway.stages.shifting import shift
from slipway.stages.switching import promote_champion, switch
from slipway.stages.verification import verify

__all__ = [
    "Answer",
    "Candidate",
    "Payload",
    "Platform",
    "Served",
    "payload",
    "promote_champion",
    "reconcile",
    "shift",
    "switch",
    "verify",
]
