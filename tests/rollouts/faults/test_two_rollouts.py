"""Two rollouts of one model at once: one of them moves the traffic, the other finds that out."""

from __future__ import annotations

from functools import partial

import pytest

from slipway.errors import LeaseHeld, Superseded
from slipway.records.leases import acquire, release
from slipway.records.run_records import RunRecord
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.plan import rollout_run
from tests.rollouts.faults.overtaken import waiting_step
from tests.rollouts.faults.rollout_env import CANDIDATE, CHAMPION, World
from tests.support.models_on_cluster import MODEL, NAME
from tests.support.racing import race


def test_only_one_of_two_begins(routed: World) -> None:
    """The other is held off, and the traffic bears the token of the one."""
    with routed.clients():
        ends = race([partial(routed.begin, holder=holder) for holder in ("dag-1", "dag-2")])
        [begun] = [end for end in ends if isinstance(end, RunRecord)]
        [held] = [end for end in ends if not isinstance(end, RunRecord)]
        assert isinstance(held, LeaseHeld)
        served = routed.served()
        assert served is not None
        assert begun.ref.run == rollout_run(served.token)
    routed.is_tidy(CHAMPION)


def test_a_rollout_that_waits_for_servers_is_overtaken(world: World) -> None:
    """It is frozen until its lease has lapsed: what it would still do is refused.

    The newer one has claimed the traffic before it does anything else, so the older one changes
    nothing while the newer one still verifies.
    """
    run = world.until("verify")
    world.cluster.unschedulable({"slipway/version": str(CANDIDATE)})
    older, ended = waiting_step(world, run)
    with world.clients() as clients:
        older.start()
        world.cluster.wait(
            "it waits for a server",
            lambda: world.cluster.pods({"slipway/version": str(CANDIDATE)}),
        )
        world.lapse()
        newer = world.begin(holder="newer").ref.run
        entry = world.cluster.get(world.entry_kind, NAME)["spec"]
        world.cluster.schedulable()
        older.join(30)
        assert len(ended) == 1
        assert world.cluster.get(world.entry_kind, NAME)["spec"] == entry
        assert set(clients.after(10)) == {CHAMPION}
        assert world.go_on(newer) == ["verified", "shifted", "switched", "promoted"]
    world.is_tidy(CANDIDATE, CHAMPION)


def test_a_claim_leaves_the_traffic_as_it_is(world: World) -> None:
    """Only the token changes; a repeat writes nothing, and an older change is refused at once."""
    before = world.served()
    assert before is not None
    store = world.shop().store
    lease = acquire(store, lease_name(MODEL), holder="newer", seconds=1)
    platform = world.shop().platform_for(world.spec)
    platform.claim(MODEL, token=lease.number)
    after = world.served()
    assert after is not None
    assert (after.weights, after.keep, after.token) == (before.weights, before.keep, lease.number)
    entry = world.cluster.get(world.entry_kind, NAME)["metadata"]["resourceVersion"]
    platform.claim(MODEL, token=lease.number)
    assert world.cluster.get(world.entry_kind, NAME)["metadata"]["resourceVersion"] == entry
    with pytest.raises(Superseded):
        platform.claim(MODEL, token=before.token)
    with pytest.raises(Superseded):
        platform.apply(MODEL, weights={CANDIDATE: 1.0}, keep=(), token=before.token)
    release(store, lease)
