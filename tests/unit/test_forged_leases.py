"""A lease that no rollout was granted, put into the store, blocks no rollout and is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.records.leases import LONGEST_SECONDS, find_lease
from slipway.records.store import encode
from slipway.stages.rollout.lease import lease_name
from tests.support.entered_env import EnteredEnv
from tests.support.rollout_env import MODEL, abandon

FAR = datetime.now(UTC) + timedelta(days=3650)


def forge(env: EnteredEnv, **fields: Any) -> None:
    """Put the next lease of the model into the store."""
    newest = find_lease(env.store, lease_name(MODEL))
    number = 1 if newest is None else newest.number + 1
    value = {
        "name": lease_name(MODEL),
        "number": number,
        "holder": "nightly/run",
        "expires_at": FAR.isoformat(),
        "released": False,
    }
    env.store.write(f"leases/{lease_name(MODEL)}/{number:08d}.json", encode(value | fields))


def test_a_lease_that_lasts_longer_than_any_is_not_waited_for() -> None:
    """It blocked every rollout and rollback for ten years."""
    env = EnteredEnv()
    forge(env)
    [told] = [one for one in env.status().forged if "nightly/run" in one]
    assert told.startswith(f"leases/rollout-{MODEL}/00000001.json of nightly/run lasts until")
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert env.weights() == {1: 1.0}
    assert not any("nightly/run" in one for one in env.status().forged)


def test_a_lease_after_an_abandoned_one_is_not_waited_for() -> None:
    """The rollout that it superseded is taken over by the next one."""
    env = EnteredEnv()
    env.reconcile("1", holder="run-1")
    abandon(env)
    forge(env)
    assert env.roll("1", holder="run-2")[-1] == "promoted"


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": FAR.replace(tzinfo=None).isoformat()},
        {"expires_at": "9999-12-31T23:59:59-12:00"},
        {"holder": ["a"]},
        {"released": "no"},
        {"name": "rollout-other"},
        {"number": 7},
        {"more": 1},
    ],
)
def test_what_is_no_lease_of_its_number_counts_as_expired(fields: dict[str, Any]) -> None:
    """Whatever else is in it."""
    env = EnteredEnv()
    forge(env, **fields)
    assert env.roll("previous", holder="person")[-1] == "promoted"


def test_a_granted_lease_is_believed_by_a_clock_that_is_behind() -> None:
    """By as much as clocks may differ."""
    env = EnteredEnv()
    env.reconcile("1", holder="run-1")
    lease = find_lease(env.store, lease_name(MODEL))
    assert lease is not None
    assert lease.is_open(datetime.now(UTC) - timedelta(seconds=LONGEST_SECONDS - 10))
