"""Wait until a change of traffic is in force on the cluster, or raise why it is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import object_name
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.conditions import (
    available,
    format_deployment,
    is_given_up,
    is_ready,
    pods_hint,
    route_problem,
    running,
)
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.errors import PlatformUnavailable

POLL_SECONDS = 0.5
SHORT_POLL_SECONDS = 0.05
"""The first pause, so that a rollback that takes effect at once does not wait longer."""
ANSWERS_IN_A_ROW = 5
UNANSWERED_SECONDS = 20.0
"""How long clients may get no answer from one version while another one is ready."""
ENDPOINTS_WITHIN_SECONDS = 30.0
"""The least time for every node to update the endpoints of an entry point."""


class ReadinessWait:
    """Waits for each part of a change of traffic, all within the spec's `ready_seconds`.

    Every method raises `PlatformUnavailable` after that time, or once waiting is useless.

    Args:
        context: The model's tools.
        by_route: Whether the entry point is a route.
        read: Reads entry point and Deployments, before each pause; raises where it is useless to
            wait on.
    """

    def __init__(
        self, context: ClusterContext, *, by_route: bool, read: Callable[[], LiveState]
    ) -> None:
        self._context = context
        self._read = read
        self._by_route = by_route
        self._model = context.spec.model
        self._cluster = cluster_of(context.spec)
        self._deadline = context.clock() + self._cluster.ready_seconds
        self._unanswered: dict[int, float] = {}

    def for_servers(
        self, needed: Mapping[int, int], *, serving: Collection[int] = (), exactly: bool = False
    ) -> None:
        """Wait until enough servers of each version are ready.

        Args:
            needed: Number of servers by version.
            serving: Versions that get requests meanwhile.
            exactly: Whether no more may run: behind one Service their numbers are the shares.
        """
        while True:
            now = self._read().deployments
            lacking = {
                version: count
                for version, count in needed.items()
                if not is_ready(now.get(version), count)
                or (exactly and running(now[version]) > count)
            }
            if not lacking:
                return
            is_useless = any(is_given_up(now.get(version)) for version in lacking)
            if is_useless or self._is_over() or self._leaves_requests_unanswered(serving, now):
                raise self._unready(lacking, now)
            self._context.sleep(POLL_SECONDS)

    def for_route(self) -> None:
        """Wait until the gateway has accepted the latest generation of the route."""
        gateway = self._cluster.gateway
        assert gateway is not None  # noqa: S101 - a model by route has one
        name, namespace = object_name(self._model), self._cluster.namespace
        pauses = _pauses()
        while problem := route_problem(self._read().entry, {"name": gateway.name}):
            if self._is_over():
                raise PlatformUnavailable(
                    f"the route of {self._model} is not in force",
                    expected=f"Accepted and ResolvedRefs within {self._cluster.ready_seconds} s",
                    found=problem,
                    where=f"HTTPRoute {namespace}/{name}",
                    hint=f"kubectl --namespace {namespace} describe httproute {name}",
                )
            self._context.sleep(next(pauses))

    def for_answers(self, version: int) -> None:
        """Wait until a version answers several requests to the entry point in a row."""
        url, headers = self._context.servers.entry_url("/ready", by_route=self._by_route)
        deadline = max(self._deadline, self._context.clock() + ENDPOINTS_WITHIN_SECONDS)
        in_a_row, pauses = 0, _pauses()
        while in_a_row < ANSWERS_IN_A_ROW:
            found = self._context.servers.version_at(url, headers)
            if found == version:
                in_a_row += 1
                continue
            in_a_row = 0
            self._read()
            if self._context.clock() > deadline:
                raise PlatformUnavailable(
                    f"the entry point of {self._model} does not lead to version {version}",
                    found="no version answers" if found is None else f"version {found} answers",
                    where=url,
                )
            self._context.sleep(next(pauses))

    def _leaves_requests_unanswered(
        self, serving: Collection[int], now: Mapping[int, Manifest]
    ) -> bool:
        """Whether a serving version, but not all of them, lacks a ready server for too long."""
        dead = [version for version in serving if not available(now.get(version))]
        clock = self._context.clock()
        if len(dead) == len(serving):
            dead = []
        self._unanswered = {version: self._unanswered.get(version, clock) for version in dead}
        return any(clock - since > UNANSWERED_SECONDS for since in self._unanswered.values())

    def _is_over(self) -> bool:
        return self._context.clock() > self._deadline

    def _unready(
        self, lacking: Mapping[int, int], now: Mapping[int, Manifest]
    ) -> PlatformUnavailable:
        namespace = self._cluster.namespace
        states = [f"version {one}: {format_deployment(now.get(one))}" for one in lacking]
        wanted = ", ".join(f"{count} of version {version}" for version, count in lacking.items())
        return PlatformUnavailable(
            f"the servers of {self._model} do not become ready",
            expected=f"{wanted} within {self._cluster.ready_seconds} s",
            found="; ".join(states),
            where=f"namespace {namespace}",
            hint=pods_hint(namespace, self._model),
        )


def _pauses() -> Iterator[float]:
    """Growing pauses between polls, in seconds."""
    pause = SHORT_POLL_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, POLL_SECONDS)
