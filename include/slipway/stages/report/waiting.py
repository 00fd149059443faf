"""Tell which rollouts wait for another one: since when, who asked, and what they wait for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from slipway.records.leases import Lease, find_lease
from slipway.records.open_work import open_stages
from slipway.records.run_records import find_record
from slipway.records.waiting_wishes import WaitingWish, waiting_wishes
from slipway.stages.model.aliases import PREVIOUS
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.plan import rollout_run
from slipway.stages.rollout.rollout_records import read_rollout
from slipway.values.told_times import in_utc

if TYPE_CHECKING:
    from slipway.records.store import Store


def describe_waiting(store: Store, model: str, *, now: datetime) -> list[str]:
    """Describe every rollout that waits, in sentences.

    Args:
        store: Store of wishes, leases and records.
        model: Name of the model.
        now: Wall time, with a time zone.
    """
    wishes = waiting_wishes(store, model, now=now)
    if not wishes:
        return []
    lease = find_lease(store, lease_name(model))
    return [_describe(store, wish, lease, now=now) for wish in wishes]


def _describe(store: Store, wish: WaitingWish, lease: Lease | None, *, now: datetime) -> str:
    what = "a rollback" if wish.to == PREVIOUS else f"a rollout of version {wish.to}"
    asker = f"{wish.by or 'somebody'} ({wish.holder})"
    asked = f"{what}, asked for by {asker} at {in_utc(wish.asked_at)}"
    heard = f"was heard of last at {in_utc(wish.renewed_at)}"
    if lease is None or lease.holder == wish.holder or not lease.is_open(now):
        # It looks each second, and removes its wish when it has the lease.
        return f"{asked}, waits for nothing any more and {heard}."
    found = _describe_progress(store, wish.model, rollout_run(lease.number))
    return (
        f"{asked}, waits since {in_utc(wish.since)} for {rollout_run(lease.number)} of "
        f"{lease.holder}, which {found}. The lease of that one lasts until "
        f"{in_utc(lease.expires_at)}, and longer if it is renewed; what waits gives up at "
        f"{in_utc(wish.until)} at the latest, and {heard}."
    )


def _describe_progress(store: Store, model: str, run: str) -> str:
    """How far a rollout has come, by the stages that it has begun and finished."""
    begun = [
        ref.stage
        for ref in open_stages(store, model)
        if ref.run == run and find_record(store, ref) is None
    ]
    if begun:
        return f"has begun {' and '.join(begun)} and not finished it"
    records = read_rollout(store, model, run)
    if not records:
        return "has not begun its first stage"
    last = max(records, key=lambda stage: records[stage].finished_at)
    return f"has finished {last}"
