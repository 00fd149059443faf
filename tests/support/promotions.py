"""Promotions in a ledger without their rollouts."""

from __future__ import annotations

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict


def promoted(store: Store, model: str, version: int, *, run: str | None = None) -> None:
    """Record that a rollout made a version champion."""
    numbers = {"version": version, "before": None, "action": "roll_out"}
    ref = RunRef(model, run or f"rollout-{version:06d}", "promote_champion")
    verdict = Verdict("promoted", f"Version {version} is champion.", numbers)
    perform(RunContext(store, {}), ref, lambda _: verdict, inputs={})
