"""Acquire a rollout's lease, or wait for the rollout that holds it, and tell so meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from slipway.errors import LeaseHeld, StoreUnavailable
from slipway.records.leases import Lease, acquire, find_lease
from slipway.records.run_records import RunRecord
from slipway.records.store import Store
from slipway.records.waiting_wishes import WaitingWish, drop_wish, keep_wish
from slipway.stages.model.aliases import CHALLENGER, PREVIOUS
from slipway.stages.rollout.lease import LEASE_SECONDS, lease_name
from slipway.stages.rollout.plan import rollout_run
from slipway.stages.rollout.rollout_records import has_ended, read_rollout

PATIENCE_SECONDS = LEASE_SECONDS + 30.0
"""A person's rollout waits so long for another one; an abandoned lease expires before."""

POLL_SECONDS = 1.0
LOG_EVERY_SECONDS = 15.0
RENEW_EVERY_SECONDS = 5.0
"""Interval at which a wish that waits is renewed in the store; several may fail."""

logger = logging.getLogger(__name__)


def acquire_lease(
    store: Store,
    model: str,
    *,
    holder: str,
    to: str,
    ended: str | None,
    asked_at: datetime,
    by: str,
    sleep: Callable[[float], None],
) -> Lease:
    """Acquire a model's lease; unless it is for the challenger, wait for its holder to end.

    While it waits, a wish in the store says so.

    Args:
        store: Store of the leases and records.
        model: Name of the model.
        holder: Holder that acquires it.
        to: Version that is asked for.
        ended: Holder that is known to have ended.
        asked_at: Time at which it was asked for.
        by: Person who asked for it, or what started its DAG run.
        sleep: Waits for some seconds.

    Raises:
        LeaseHeld: Another holder has it, and did not end in time.
    """
    now = datetime.now(UTC)
    wish = WaitingWish(
        model,
        to,
        holder,
        by,
        asked_at,
        since=now,
        until=now + timedelta(seconds=PATIENCE_SECONDS),
        renewed_at=now,
    )
    waited = 0.0
    try:
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
                is_over = waited >= PATIENCE_SECONDS or datetime.now(UTC) >= wish.until
                if to == CHALLENGER or is_over:
                    raise
                _tell(store, wish, held, waited=waited)
            waited += POLL_SECONDS
            sleep(POLL_SECONDS)
    finally:
        if waited:
            # Unless it is renewed it is none any more soon, whether or not this succeeds.
            with suppress(StoreUnavailable):
                drop_wish(store, wish)


def lease_to_take_over(store: Store, model: str, *, to: str, ended: str | None) -> int | None:
    """Number of the newest lease if a rollout may take it over before it expires, or None.

    It may when its holder is known to have ended, when its rollout has, and when a roll-back finds
    a rollout that has begun and has not switched yet. One past its switch ends within seconds, and
    so does another roll-back, also one that takes a canary back.

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
        to == PREVIOUS and begun is not None and not _is_rollback(begun) and "switch" not in records
    )
    return lease.number if lease.holder == ended or has_ended(records) or gives_way else None


def _is_rollback(begun: RunRecord) -> bool:
    """Whether a rollout returns to a version, or was asked for as one beside a canary."""
    return begun.verdict.action == "roll_back" or begun.inputs.get("to") == PREVIOUS


def _tell(store: Store, wish: WaitingWish, held: LeaseHeld, *, waited: float) -> None:
    """Tell in the log and in the store, from time to time, that a wish waits."""
    if waited % LOG_EVERY_SECONDS == 0:
        logger.info("%s waits for another rollout: %s", wish.model, held.found)
    if waited % RENEW_EVERY_SECONDS == 0:
        # That it cannot be told must not end the wait.
        with suppress(StoreUnavailable):
            keep_wish(store, replace(wish, renewed_at=datetime.now(UTC)))
