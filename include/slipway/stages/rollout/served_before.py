"""Tell a return to a version that served before: a rollback that fails says nothing against it."""

from __future__ import annotations

from dataclasses import replace

from slipway.errors import NotFound
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.stages.rollout.ledger_versions import promotions_of
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.version_outcome import BLOCKED


def has_served(store: Store, model: str, version: int, *, sha256: str | None) -> bool:
    """Return whether a version passed a whole rollout by the ledger, with these bytes.

    Args:
        store: Store of the ledger.
        model: Name of the model.
        version: Its number.
        sha256: Digest of its manifest; None: not recorded, so that the number alone counts.
    """
    for run in promotions_of(store, model, version):
        try:
            promoted = read_plan(store, model, run).digest
        except NotFound:
            promoted = None
        if None in {promoted, sha256} or promoted == sha256:
            return True
    return False


def is_return(store: Store, plan: RolloutPlan) -> bool:
    """Return whether a rollout only returns to a version that served before."""
    if plan.action != "roll_back":
        return False
    return has_served(store, plan.model, plan.version, sha256=plan.digest)


def name_failed_rollback(plan: RolloutPlan, verdict: Verdict) -> Verdict:
    """Return a verdict whose reason says that a rollback failed, if one did; pure."""
    if plan.action != "roll_back" or verdict.action not in BLOCKED:
        return verdict
    reason = f"The rollback to version {plan.version} failed: {verdict.reason}"
    return replace(verdict, reason=reason)
