"""Leases and decisions of rollouts, for tests that write desired states without a rollout."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.records.leases import Lease, rollout_lease
from slipway.records.store import Store, encode
from slipway.records.verdicts import Verdict
from slipway.stages.rollout.plan import rollout_run


def acquire_leases(store: Store, model: str, *, up_to: int) -> None:
    """Acquire and release the leases of a model up to a number, unless they are there.

    Args:
        store: Store of the leases.
        model: Name of the model.
        up_to: Number of the newest one.
    """
    ended = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1, up_to + 1):
        lease = Lease(rollout_lease(model), number, f"run-{number}", ended, released=True)
        store.create(lease.key, encode(lease.to_json()))


def permit_states(store: Store, model: str, *versions: int, up_to: int = 20) -> None:
    """Acquire leases whose rollouts have decided on some versions, so that states may name them.

    Args:
        store: Store of leases and records.
        model: Name of the model.
        versions: Up to three of them; none: a state may only take all traffic away.
        up_to: Number of the newest lease.
    """
    acquire_leases(store, model, up_to=up_to)
    named = dict(zip(("version", "champion", "served"), (*versions, None, None), strict=False))
    for number in range(1, up_to + 1):
        # Every other one has nothing to fall back to, so that there may be no traffic either.
        decided = named if number % 2 else {}
        verdict = Verdict("repair", "What a test needs.", {"version": 0, **decided})
        folder = f"runs/{model}/{rollout_run(number)}/reconcile"
        store.create(f"{folder}/attempt-0001.json", b"{}")
        store.create(f"{folder}/decision.json", encode(verdict.to_json()))
