"""Lease of a rollout: one rollout of a model at a time, renewed while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Event, Thread
from typing import Any

from slipway.errors import StoreUnavailable, Superseded
from slipway.records.leases import (
    LONGEST_SECONDS,
    Lease,
    find_lease,
    release,
    renew,
    rollout_lease,
)
from slipway.records.store import Store
from slipway.stages.rollout.plan import RolloutPlan, rollout_run
from slipway.values.told_times import in_utc

LEASE_SECONDS = LONGEST_SECONDS
RENEW_EVERY_SECONDS = 45.0
"""Interval of renewals during slow work; several may fail before the lease expires."""


def lease_name(model: str) -> str:
    """Name of the lease that a rollout of a model takes."""
    return rollout_lease(model)


def describe_forged_lease(store: Store, model: str, *, now: datetime) -> str | None:
    """Return that the newest lease lasts longer than any is granted for, as a sentence, or None."""
    lease = find_lease(store, lease_name(model))
    if lease is None or not lease.is_too_long(now):
        return None
    return (
        f"{lease.key} of {lease.holder} lasts until {in_utc(lease.expires_at)}, longer than the "
        f"{LEASE_SECONDS:.0f} s that a rollout's lease is granted for: no rollout waits for it."
    )


def holder_of(origin: Mapping[str, Any]) -> str:
    """Name of who holds a rollout's lease: DAG and run, or the user of a shell and its run."""
    parts = (origin.get("dag_id") or origin.get("by"), origin.get("run_id"))
    return "/".join(str(part) for part in parts if part)


def renew_lease(store: Store, plan: RolloutPlan) -> Lease:
    """Renew a rollout's lease; call it when a stage begins and before it changes traffic.

    Raises:
        Superseded: Another rollout took over, or this one was given up.
    """
    lease = find_lease(store, lease_name(plan.model))
    if lease is None or lease.number != plan.token:
        raise Superseded(
            f"{rollout_run(plan.token)} of {plan.model} cannot continue",
            expected=f"lease {plan.token} to be the newest",
            found=f"lease {lease.number} of {lease.holder}" if lease else "no lease",
            hint="a rollback or another rollout took over; `slipway why` tells which",
        )
    return renew(store, lease, seconds=LEASE_SECONDS)


@contextmanager
def keep_lease(
    store: Store, plan: RolloutPlan, *, every_seconds: float = RENEW_EVERY_SECONDS
) -> Iterator[None]:
    """Renew a rollout's lease in the background while slow work runs inside.

    A cluster may take almost as long as a lease lasts to make a version ready. The renewals come
    from this process, so a rollout whose process died or froze loses its lease in time.

    Args:
        store: Store of the leases.
        plan: Rollout that holds the lease.
        every_seconds: Interval of renewals.

    Raises:
        Superseded: Another rollout took over, before or meanwhile.
    """
    renew_lease(store, plan)
    over = Event()

    def renew_regularly() -> None:
        while not over.wait(every_seconds):
            # An unavailable store is tried again before the lease expires; the last renewal
            # below raises if another rollout took the lease.
            with suppress(StoreUnavailable):
                try:
                    renew_lease(store, plan)
                except Superseded:
                    return

    renewals = Thread(
        target=renew_regularly, name=f"lease of {rollout_run(plan.token)}", daemon=True
    )
    renewals.start()
    try:
        yield
    finally:
        over.set()
        renewals.join()
    renew_lease(store, plan)


def release_lease(store: Store, plan: RolloutPlan) -> None:
    """Release a rollout's lease, if it still holds it."""
    with suppress(Superseded):
        release(store, renew_lease(store, plan))


def give_back(store: Store, model: str, *, holder: str) -> None:
    """Release a model's lease if that holder has it, as when its work has failed for good."""
    lease = find_lease(store, lease_name(model))
    if lease is not None and lease.holder == holder:
        release(store, lease)
