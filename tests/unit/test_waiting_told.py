"""A rollback from a shell says for which other rollout it waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slipway.cli.waiting_told import waiting_told
from slipway.records.leases import acquire
from slipway.records.store import Store
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.lease_wait import acquire_lease
from tests.fakes.memory_store import MemoryStore


class Waited(Exception):
    """The wait has begun."""


def wait(store: Store) -> None:
    """Wait for the lease of the model sales, for less than a second."""

    def end(_: float) -> None:
        raise Waited

    with pytest.raises(Waited):
        acquire_lease(
            store,
            "sales",
            holder="ada",
            to="previous",
            ended=None,
            asked_at=datetime.now(UTC),
            by="ada",
            sleep=end,
        )


def test_it_is_printed_on_stderr_while_the_command_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who holds the lease, and nothing of a wait outside of it."""
    store = MemoryStore()
    acquire(store, lease_name("sales"), holder="another shell", seconds=60)
    with waiting_told():
        wait(store)
    said = capsys.readouterr().err
    assert "sales waits for another rollout: " in said
    assert "another shell" in said
    wait(store)
    assert capsys.readouterr().err == ""
