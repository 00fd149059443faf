"""Past champions, looked up in the ledger of every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slipway.records import ledger
from slipway.records.champion_history import Champion, champion_as_of
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict


def _promote(store: Store, version: int, run: str) -> datetime:
    perform(
        RunContext(store, {"by": "ann"}),
        RunRef("delay", run, "promote_champion"),
        lambda _: Verdict("promoted", f"Version {version} serves.", {"version": version}),
        inputs={},
    )
    return datetime.fromisoformat(ledger.read(store, "delay")[-1]["fact"]["finished_at"])


def test_the_champion_of_any_moment(any_store: Store) -> None:
    """From its promotion or rollback until the next one."""
    start = datetime.now(UTC)
    moments = [
        _promote(any_store, version, run)
        for version, run in ((1, "rollout-1"), (2, "rollout-2"), (1, "rollout-3"))
    ]
    ledger.enter(any_store, "delay", {"stage": "gate", "action": "refuse"})
    assert champion_as_of(any_store, "delay", start - timedelta(days=1)) is None
    found = [champion_as_of(any_store, "delay", moment) for moment in [*moments, datetime.now(UTC)]]
    assert [one.version for one in found if one] == [1, 2, 1, 1]
    assert found[1] == Champion(
        version=2,
        since=moments[1].isoformat(),
        reason="Version 2 serves.",
        record="runs/delay/rollout-2/promote_champion/record.json",
        sequence=2,
    )
