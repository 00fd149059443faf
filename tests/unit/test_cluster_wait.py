"""Time limits of a change of traffic that waits for servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.adapters.platforms.cluster.observe.wait import UNANSWERED_SECONDS, ReadinessWait
from slipway.errors import PlatformUnavailable
from slipway.spec import ModelSpec
from tests.support import packages

READY_SECONDS = 200


def on_a_cluster() -> ModelSpec:
    """A model on a cluster."""
    described = packages.spec("sklearn.linear_model.LogisticRegression")
    cluster = {"image": "server:1", "ready_seconds": READY_SECONDS}
    deployment = {"target": "kubernetes", "kubernetes": cluster}
    return ModelSpec.model_validate(
        {**described.model_dump(exclude_unset=True), "deployment": deployment}
    )


@dataclass
class Standing:
    """A cluster with given servers and a clock that only sleeps advance.

    Attributes:
        servers: Available servers, by version.
        seconds: On the clock.
    """

    servers: dict[int, int]
    seconds: float = 0.0
    spec: ModelSpec = field(default_factory=on_a_cluster)

    def clock(self) -> float:
        """Seconds so far."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.seconds += seconds

    def read(self) -> LiveState:
        """Deployments of the API."""
        return LiveState("delay", by_route=True, entry=None, deployments=self._deployments())

    def _deployments(self) -> dict[int, dict[str, Any]]:
        return {
            version: {
                "metadata": {"generation": 1},
                "spec": {"replicas": 2},
                "status": {"availableReplicas": count, "observedGeneration": 1, "replicas": 2},
            }
            for version, count in self.servers.items()
        }


def waited(standing: Standing, *asked: int) -> float:
    """Seconds until a wait for two servers of version 2 ends."""
    context = cast("ClusterContext", standing)
    waiting = ReadinessWait(context, by_route=True, read=standing.read)
    with pytest.raises(PlatformUnavailable):
        waiting.for_servers({1: 1, 2: 2}, serving=asked)
    return standing.seconds


def test_a_dead_version_with_traffic_is_given_up_soon() -> None:
    """The champion can take its traffic, so requests do not fail for minutes."""
    assert waited(Standing({1: 2, 2: 0}), 1, 2) == pytest.approx(UNANSWERED_SECONDS, abs=1.0)


def test_a_version_without_traffic_gets_the_full_time() -> None:
    """The wait costs no request."""
    assert waited(Standing({1: 2, 2: 0}), 1) == pytest.approx(READY_SECONDS, abs=1.0)


def test_without_failover_the_wait_goes_on() -> None:
    """No other version is ready for the requests."""
    assert waited(Standing({1: 0, 2: 0}), 1, 2) == pytest.approx(READY_SECONDS, abs=1.0)


def test_one_server_of_two_is_not_dead() -> None:
    """Clients are answered by the one."""
    assert waited(Standing({1: 2, 2: 1}), 1, 2) == pytest.approx(READY_SECONDS, abs=1.0)
