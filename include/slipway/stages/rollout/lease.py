"""Lease of a rollout: one rollout of a model at a time, renewed while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from slipway.errors import LeaseHeld, StoreUnavailable, Superseded
from slipway.records.leases import Lease, acquire, find_lease, release, renew
from slipway.records.store import Store
from slipway.stages.model.aliases import CHALLENGER, PREVIOUS
from slipway.stages.rollout.plan import RolloutPlan, rollout_run
from slipway.stages.rollout.rollout_records import has_ended, read_rollout

LEASE_SECONDS = 300.0
RENEW_EVERY_SECONDS = 45.0
"""Interval of renewals during slow work; several may fail before the lease expires."""

PATIENCE_SECONDS = LEASE_SECONDS + 30.0
"""A person's rollout waits so long for another one; an abandoned lease expires before."""

POLL_SECONDS = 1.0
LOG_EVERY_SECONDS = 15.0

logger = logging.getLogger(__name__)


def lease_name(model: str) -> str:
    """Name of the lease that a rollout of a model takes."""
    return f"rollout-{model}"


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


def acquire_lease(
    store: Store,
    model: str,
    *,
    holder: str,
    to: str,
    ended: str | None,
    sleep: Callable[[float], None],
) -> Lease:
    """Acquire a model's lease; unless it is for the challenger, wait for its holder to end.

    Args:
        store: Store of the leases and records.
        model: Name of the model.
        holder: Holder that acquires it.
        to: Version that is asked for.
        ended: Holder that is known to have ended.
        sleep: Waits for some seconds.

    Raises:
        LeaseHeld: Another holder has it, and did not end in time.
    """
    waited = 0.0
    while True:
        try:
            return acquire(
                store,
                lease_name(model),
                holder=holder,
                seconds=LEASE_SECONDS,
                over=lease_to_take_over(store, model, to=to, ended=ended),
            )
        except LeaseHeld as held:
            if to == CHALLENGER or waited >= PATIENCE_SECONDS:
                raise
            if waited % LOG_EVERY_SECONDS == 0:
                logger.info("%s waits for another rollout: %s", model, held.found)
        sleep(POLL_SECONDS)
        waited += POLL_SECONDS


def lease_to_take_over(store: Store, model: str, *, to: str, ended: str | None) -> int | None:
    """Number of the newest lease if a rollout may take it over before it expires, or None.

    It may when its holder is known to have ended, when its rollout has, and when a roll-back finds
    a rollout that has begun and has not switched yet. One past its switch ends within seconds, and
    so does another roll-back.

    Args:
        store: Store of the leases and records.
        model: Name of the model.
        to: Version that is asked for.
        ended: Holder that is known to have ended.
    """
    lease = find_lease(store, lease_name(model))
    if lease is None or lease.released:
        return None
    records = read_rollout(store, model, rollout_run(lease.number))
    begun = records.get("reconcile")
    gives_way = (
        to == PREVIOUS
        and begun is not None
        and begun.verdict.action != "roll_back"
        and "switch" not in records
    )
    return lease.number if lease.holder == ended or has_ended(records) or gives_way else None


def give_back(store: Store, model: str, *, holder: str) -> None:
    """Release a model's lease if that holder has it, as when its work has failed for good."""
    lease = find_lease(store, lease_name(model))
    if lease is not None and lease.holder == holder:
        release(store, lease)
