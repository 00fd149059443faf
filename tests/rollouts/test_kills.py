"""A change that is killed before any of its writes, and an API that stumbles or is away."""

from __future__ import annotations

from collections.abc import Callable
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
from tests.rollouts.cluster_model import SHARED, ClusterModel
from tests.support.models_on_cluster import MODEL, cluster_platform


class Killed(BaseException):
    """The process ends here, and nothing more of it happens."""


@pytest.mark.parametrize("goal", [{2: 0.1, 1: 0.9}, {2: 1.0}], ids=["share", "switch"])
def test_a_change_killed_before_any_write_is_gone_on_with(
    model: ClusterModel, monkeypatch: pytest.MonkeyPatch, goal: dict[int, float]
) -> None:
    """Clients are answered throughout; a repeat ends as it would have, or the way back does."""
    model.serve({1: 1.0}, 2, token=1)
    keep = tuple({1, 2} - set(goal))
    apply, delete = NamespaceClient.apply, NamespaceClient.delete
    with model.clients() as clients:
        for token, writes in enumerate(range(0, 12, 2), start=2):
            left = [writes]

            def fused(act: Callable[..., Any], left: list[int] = left) -> Callable[..., Any]:
                def write(*given: Any, **words: Any) -> Any:
                    if left[0] == 0:
                        raise Killed
                    left[0] -= 1
                    return act(*given, **words)

                return write

            with monkeypatch.context() as patch:
                patch.setattr(NamespaceClient, "apply", fused(apply))
                patch.setattr(NamespaceClient, "delete", fused(delete))
                with suppress(Killed):
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
    """Refusals and silences that pass, another writer, and a reply that was lost."""
    monkeypatch.setattr(api_client, "READ_SECONDS", 1.0)
    monkeypatch.setattr(api_client, "LONGEST_WAIT_SECONDS", 0.1)
    routed.serve({1: 1.0}, 2)
    routed.cluster.fail(**fault)
    routed.serve(SHARED, token=2)
    assert routed.served().weights == pytest.approx(SHARED)


def test_an_api_that_is_away_is_unavailable(
    routed: ClusterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is served goes on, and a later attempt may help."""
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
    """In the server's own words, at once."""
    unprivileged = cluster_platform(routed.cluster, routed.spec, registry, account="slipway-stages")
    with pytest.raises(Denied, match="refuses to get HTTPRoute") as caught:
        unprivileged.served(MODEL)
    assert 'cannot get resource "httproutes"' in str(caught.value)
    assert len([one for one in routed.cluster.requests if one.status == 403]) == 1
