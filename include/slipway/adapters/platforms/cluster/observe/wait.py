"""Waiting until a cluster does what it was asked, or saying why it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slipway.adapters.platforms.cluster.api_client import Manifest
from slipway.adapters.platforms.cluster.context import Ground
from slipway.adapters.platforms.cluster.manifests.names import object_name
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.conditions import (
    available,
    hint_of,
    in_words,
    is_given_up,
    is_ready,
    route_trouble,
    running,
)
from slipway.errors import PlatformUnavailable

POLL_SECONDS = 0.5
SHORT_POLL_SECONDS = 0.05
"""At first, for what takes a moment only: a way back shall not sleep through it."""
ANSWERS_IN_A_ROW = 5
SILENT_SECONDS = 20.0
"""So long may a version be asked in vain while another one could answer in its place."""
HEARD_WITHIN_SECONDS = 30.0
"""Until every node has heard where an entry leads, at the least."""


class Waiting:
    """Waits for what a change of traffic needs, all of it within the spec's `ready_seconds`.

    Every method raises `PlatformUnavailable` where it waits in vain.

    Args:
        ground: What is changed.
        by_route: Whether the entry is a route.
    """

    def __init__(self, ground: Ground, *, by_route: bool) -> None:
        self._ground = ground
        self._by_route = by_route
        self._model = ground.spec.model
        self._cluster = cluster_of(ground.spec)
        self._deadline = ground.clock() + self._cluster.ready_seconds
        self._silent: dict[int, float] = {}

    def for_servers(
        self, needed: Mapping[int, int], *, asked: Collection[int] = (), exactly: bool = False
    ) -> None:
        """Until so many servers of each version can answer.

        Args:
            needed: How many, by version.
            asked: Versions that clients ask meanwhile.
            exactly: Whether no more of them may run: where they stand behind one Service, their
                numbers are the shares.
        """
        while True:
            now = self._ground.deployments()
            lacking = {
                version: count
                for version, count in needed.items()
                if not is_ready(now.get(version), count)
                or (exactly and running(now[version]) > count)
            }
            if not lacking:
                return
            hopeless = any(is_given_up(now.get(version)) for version in lacking)
            if hopeless or self._is_over() or self._are_failed(asked, now):
                raise self._unready(lacking, now)
            self._ground.sleep(POLL_SECONDS)

    def for_route(self) -> None:
        """Until the gateway has taken the route in as it is now."""
        gateway = self._cluster.gateway
        assert gateway is not None  # noqa: S101 - a model by route has one
        name, namespace = object_name(self._model), self._cluster.namespace
        pauses = _pauses()
        while trouble := route_trouble(
            self._ground.objects.get("HTTPRoute", name), {"name": gateway.name}
        ):
            if self._is_over():
                raise PlatformUnavailable(
                    f"the route of {self._model} is not in force",
                    expected=f"Accepted and ResolvedRefs within {self._cluster.ready_seconds} s",
                    found=trouble,
                    where=f"HTTPRoute {namespace}/{name}",
                    hint=f"kubectl --namespace {namespace} describe httproute {name}",
                )
            self._ground.sleep(next(pauses))

    def for_answers(self, version: int) -> None:
        """Until whoever asks the entry is answered by a version, some times in a row."""
        url, headers = self._ground.front.entry("/ready", by_route=self._by_route)
        deadline = max(self._deadline, self._ground.clock() + HEARD_WITHIN_SECONDS)
        in_a_row, pauses = 0, _pauses()
        while in_a_row < ANSWERS_IN_A_ROW:
            found = self._ground.front.version_at(url, headers)
            if found == version:
                in_a_row += 1
                continue
            in_a_row = 0
            if self._ground.clock() > deadline:
                raise PlatformUnavailable(
                    f"the entry of {self._model} does not lead to version {version}",
                    found="nobody answers" if found is None else f"version {found} answers",
                    where=url,
                )
            self._ground.sleep(next(pauses))

    def _are_failed(self, asked: Collection[int], now: Mapping[int, Manifest]) -> bool:
        """Whether clients go on asking a dead version for too long; not if every one is dead."""
        dead = [version for version in asked if not available(now.get(version))]
        clock = self._ground.clock()
        if len(dead) == len(asked):
            dead = []
        self._silent = {version: self._silent.get(version, clock) for version in dead}
        return any(clock - since > SILENT_SECONDS for since in self._silent.values())

    def _is_over(self) -> bool:
        return self._ground.clock() > self._deadline

    def _unready(
        self, lacking: Mapping[int, int], now: Mapping[int, Manifest]
    ) -> PlatformUnavailable:
        namespace = self._cluster.namespace
        said = [f"version {one}: {in_words(now.get(one))}" for one in lacking]
        wanted = ", ".join(f"{count} of version {version}" for version, count in lacking.items())
        return PlatformUnavailable(
            f"the servers of {self._model} do not become ready",
            expected=f"{wanted} within {self._cluster.ready_seconds} s",
            found="; ".join(said),
            where=f"namespace {namespace}",
            hint=hint_of(namespace, self._model),
        )


def _pauses() -> Iterator[float]:
    """Seconds to wait between looks, ever longer."""
    pause = SHORT_POLL_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, POLL_SECONDS)
