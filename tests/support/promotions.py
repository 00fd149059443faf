"""Registrations and promotions in a ledger without their trainings and rollouts."""

from __future__ import annotations

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict


def promoted(
    store: Store, model: str, version: int, *, run: str | None = None, sha256: str | None = None
) -> None:
    """Record that a rollout made a version champion; without a digest as an earlier release did."""
    numbers = {"version": version, "before": None, "action": "roll_out"}
    ref = RunRef(model, run or f"rollout-{version:06d}", "promote_champion")
    evidence = {} if sha256 is None else {"manifest_sha256": sha256}
    verdict = Verdict("promoted", f"Version {version} is champion.", numbers, evidence)
    perform(RunContext(store, {}), ref, lambda _: verdict, inputs={})


def rolled_back(store: Store, model: str, version: int, *, to: int, sha256: str, run: str) -> None:
    """Record that a rollout returned from a version to another one, which is champion again."""
    numbers = {"version": to, "before": version, "action": "roll_back", "rolled_back": version}
    verdict = Verdict("promoted", "Back.", numbers, {"manifest_sha256": sha256})
    ref = RunRef(model, run, "promote_champion")
    perform(RunContext(store, {}), ref, lambda _: verdict, inputs={})


def registered(
    store: Store,
    model: str,
    version: int,
    *,
    sha256: str,
    stage: str = "promote_challenger",
    run: str | None = None,
) -> None:
    """Record that a version became challenger: by a training, or by `bring`."""
    made = f"request-{version:06d}" if stage == "promote_challenger" else f"bring-{sha256}"
    action = "promoted" if stage == "promote_challenger" else "brought"
    evidence = {"manifest_sha256": sha256}
    verdict = Verdict(action, f"Version {version} is challenger.", {"version": version}, evidence)
    ref = RunRef(model, run or made, stage)
    perform(RunContext(store, {}), ref, lambda _: verdict, inputs={})
