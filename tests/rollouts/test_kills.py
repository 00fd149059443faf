"""A change of traffic that is killed before any of its writes, and errors of the API."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster import api_client
from slipway.adapters.platforms.cluster.api_client import NamespaceClient
from slipway.errors import (
    ClusterUnavailable,
    Denied,
)
from tests.fakes.kill_points import Killed, KillPoint
from tests.rollouts.cluster_model import SHARED, ClusterModel
from tests.rollouts.faults.kill_points import killed_after
from tests.support.models_on_cluster import MODEL, cluster_platform


@pytest.mark.parametrize("goal", [{2: 0.1, 1: 0.9}, {2: 1.0}], ids=["share", "switch"])
def test_a_change_killed_before_any_write_is_completed(
    model: ClusterModel, goal: dict[int, float]
) -> None:
    """Clients are answered throughout; a repeat or a rollback completes."""
    model.serve({1: 1.0}, 2, token=1)
    keep = tuple({1, 2} - set(goal))
    with model.clients() as clients:
        for token, writes in enumerate(range(0, 12, 2), start=2):
            with killed_after(KillPoint(writes), (NamespaceClient,)), suppress(Killed):
                model.another().apply(MODEL, weights=goal, keep=keep, token=token)
            if writes % 4:
                model.another().apply(MODEL, weights=goal, keep=keep, token=token)
                assert set(model.served().weights) == set(goal)
            model.another().apply(MODEL, weights={1: 1.0}, keep=(2,), token=token)
            assert model.served().version == 1
        clients.after(10)
    assert not clients.failures


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "times": 2},
        {"status": 500, "times": 2},
        {"status": 503, "times": 3},
        {"status": None, "times": 1, "hang_seconds": 1.5},
        {"verb": "patch", "kind": "HTTPRoute", "status": 409, "times": 1},
        {"verb": "patch", "kind": "HTTPRoute", "status": 500, "times": 1, "after": True},
        {"verb": "patch", "kind": "Deployment", "status": 500, "times": 2, "after": True},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_an_api_that_stumbles_is_asked_again(
    routed: ClusterModel, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """Transient refusals and silences, another writer, and a lost response."""
    monkeypatch.setattr(api_client, "READ_SECONDS", 1.0)
    monkeypatch.setattr(api_client, "LONGEST_WAIT_SECONDS", 0.1)
    routed.serve({1: 1.0}, 2)
    routed.cluster.fail(**fault)
    routed.serve(SHARED, token=2)
    assert routed.served().weights == pytest.approx(SHARED)


def test_an_api_that_is_away_is_unavailable(
    routed: ClusterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The served version goes on, and the error is transient."""
    monkeypatch.setattr(api_client, "READ_SECONDS", 0.3)
    monkeypatch.setattr(api_client, "LONGEST_WAIT_SECONDS", 0.1)
    routed.serve({1: 1.0})
    with routed.clients() as clients:
        for fault in ({"status": 500}, {"status": 429}, {"status": None, "hang_seconds": 1}):
            routed.cluster.fail(**fault, times=None)
            with pytest.raises(ClusterUnavailable):
                routed.served()
            with pytest.raises(ClusterUnavailable):
                routed.serve(SHARED, token=2)
            routed.cluster.recover()
        clients.after(20)
    assert not clients.failures
    assert routed.served().version == 1


def test_an_account_without_rights_is_denied(
    routed: ClusterModel, registry: MlflowRegistry
) -> None:
    """With the server's message, at once."""
    unprivileged = cluster_platform(routed.cluster, routed.spec, registry, account="slipway-stages")
    with pytest.raises(Denied, match="refuses to get HTTPRoute") as caught:
        unprivileged.served(MODEL)
    assert 'cannot get resource "httproutes"' in str(caught.value)
    assert len([one for one in routed.cluster.requests if one.status == 403]) == 1
