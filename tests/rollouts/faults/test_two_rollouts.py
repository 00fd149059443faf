"""Two concurrent rollouts of one model: only one of them moves the traffic."""

from __future__ import annotations

from functools import partial

import pytest

from slipway.errors import Superseded
from slipway.records.leases import acquire, release
from slipway.records.run_records import RunRecord
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.plan import rollout_run
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.superseded_step import waiting_step
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL, NAME
from tests.support.racing import race


def test_only_one_of_two_begins(routed: RolloutEnv) -> None:
    """The other one does nothing, and the entry point has the token of the one."""
    with routed.clients():
        ends = race([partial(routed.begin, holder=holder) for holder in ("dag-1", "dag-2")])
        records = [end for end in ends if isinstance(end, RunRecord)]
        [begun] = [one for one in records if one.verdict.action == "roll_out"]
        [other] = [one for one in records if one.verdict.action == "nothing"]
        assert "is in progress" in other.verdict.reason
        served = routed.served()
        assert served is not None
        assert begun.ref.run == rollout_run(served.token)
    routed.assert_consistent(CHAMPION)


def test_a_rollout_that_waits_for_servers_is_overtaken(env: RolloutEnv) -> None:
    """The older rollout is frozen until its lease has expired: its later writes are refused.

    The newer rollout claims the traffic first of all, so the older one changes
    nothing during the newer one's verification.
    """
    run = env.run_until("verify")
    env.cluster.unschedulable({"slipway/version": str(CANDIDATE)})
    older, ended = waiting_step(env, run)
    with env.clients() as clients:
        older.start()
        env.cluster.wait(
            "it waits for a server",
            lambda: env.cluster.pods({"slipway/version": str(CANDIDATE)}),
        )
        env.expire_lease()
        newer = env.begin(holder="newer").ref.run
        entry = env.cluster.get(env.entry_kind, NAME)["spec"]
        env.cluster.schedulable()
        older.join(30)
        assert len(ended) == 1
        assert env.cluster.get(env.entry_kind, NAME)["spec"] == entry
        assert set(clients.after(10)) == {CHAMPION}
        assert env.continue_rollout(newer) == ["verified", "shifted", "switched", "promoted"]
    env.assert_consistent(CANDIDATE, CHAMPION)


def test_a_claim_leaves_the_traffic_as_it_is(env: RolloutEnv) -> None:
    """Only the token changes; a repeat writes nothing, and an older change is refused."""
    before = env.served()
    assert before is not None
    store = env.container().store
    lease = acquire(store, lease_name(MODEL), holder="newer", seconds=1)
    platform = env.container().platform_for(env.spec)
    platform.claim(MODEL, token=lease.number)
    after = env.served()
    assert after is not None
    assert (after.weights, after.keep, after.token) == (before.weights, before.keep, lease.number)
    entry = env.cluster.get(env.entry_kind, NAME)["metadata"]["resourceVersion"]
    platform.claim(MODEL, token=lease.number)
    assert env.cluster.get(env.entry_kind, NAME)["metadata"]["resourceVersion"] == entry
    with pytest.raises(Superseded):
        platform.claim(MODEL, token=before.token)
    with pytest.raises(Superseded):
        platform.apply(MODEL, weights={CANDIDATE: 1.0}, keep=(), token=before.token)
    release(store, lease)
