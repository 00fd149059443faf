"""An API that refuses, fails or is silent at each stage: the champion serves, a repeat goes on."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.platforms.cluster import api_client
from slipway.errors import ClusterUnavailable, Denied
from slipway.records.run_records import RunRecord
from slipway.stages.rollout import shift, switch
from tests.rollouts.faults.project_files import STEP
from tests.rollouts.faults.rollout_env import STAGES, RolloutEnv
from tests.rollouts.faults.test_whole_rollouts import ALL_WELL
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION

TROUBLES: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "500": {"status": 500},
    "silent": {"status": None, "hang_seconds": 0.5},
    "403": {"status": 403},
}


def test_an_api_that_is_away_or_stumbles_at_every_stage(
    routed: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long outage fails the stage with its error; a short one is waited for."""
    monkeypatch.setattr(api_client, "WAITS_SECONDS", (0.05, 0.05, 0.05))
    monkeypatch.setattr(api_client, "LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(shift, "READ_BACK_ROUNDS", 1)
    monkeypatch.setattr(switch, "READ_BACK_ROUNDS", 1)
    run, actions = "", []
    with routed.clients() as clients:
        for name in ("reconcile", *STAGES):
            for trouble, fault in TROUBLES.items():
                monkeypatch.setattr(api_client, "READ_SECONDS", 0.1 if trouble == "silent" else 5.0)
                routed.cluster.fail(**fault, times=None)
                with pytest.raises(Denied if trouble == "403" else ClusterUnavailable):
                    _stage(routed, name, run)
                routed.cluster.recover()
                assert routed.aliases()["champion"] == CHAMPION
            clients.after(1)
            monkeypatch.setattr(api_client, "READ_SECONDS", 5.0)
            _stumble(routed)
            record = _stage(routed, name, run)
            run = run or record.ref.run
            actions.append(record.verdict.action)
        routed.cluster.recover()
    assert actions == ALL_WELL
    routed.assert_consistent(CANDIDATE, CHAMPION)


def _stage(env: RolloutEnv, name: str, run: str) -> RunRecord:
    given: dict[str, Any] = {"rollout": run} if run else {}
    return env.stage(name, **given, **({"step": STEP} if name == "shift" else {}))


def _stumble(env: RolloutEnv) -> None:
    env.cluster.fail(verb="patch", status=429)
    env.cluster.fail(verb="patch", status=500, after=True)
    env.cluster.fail(verb="list", status=503)
    env.cluster.fail(verb="patch", kind=env.entry_kind, status=409)
