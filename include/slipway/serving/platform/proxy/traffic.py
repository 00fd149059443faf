"""Traffic of one model on this platform: the state in force and the servers behind it.

A new state comes into force once its weighted versions are ready; until then the old one stays.
A state that only removes shares comes into force at once: a version whose share was removed must
not answer again. Two states may give one number to different versions, told apart by their digests:
each then has a server of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from slipway.records.desired_state import DesiredState
from slipway.serving.platform.proxy.pick_version import failover_order, pick_version
from slipway.serving.platform.proxy.request_stats import RequestStats
from slipway.serving.platform.supervisor.server_process import ServerProcess

MakeServer = Callable[[str, int, str | None, Callable[[], None]], ServerProcess]


class Traffic:
    """Routes requests of a model to versions, and starts and stops their servers.

    Args:
        desired: The newest desired state.
        make: Creates the server of a model's version with a digest, if that is known; its last
            argument is called on readiness changes.
        on_change: Called when the readiness of a server has changed.

    Attributes:
        desired: The newest desired state.
        in_force: The state by which requests are routed.
    """

    def __init__(
        self,
        desired: DesiredState,
        *,
        make: MakeServer,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = desired.model
        self.desired = desired
        self._servers: list[ServerProcess] = []
        self._make = make
        self._on_change = on_change
        self._change = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self.in_force = desired
        self._stats = {version: RequestStats() for version in desired.weights}

    @property
    def weights(self) -> Mapping[int, float]:
        """Share of the requests by version, in the state in force."""
        return self.in_force.weights

    @property
    def servers(self) -> dict[int, ServerProcess]:
        """Servers by version: of two of one number the one in force, which is older."""
        return {one.version: one for one in reversed(self._servers)}

    def advance(self) -> None:
        """Start missing servers, put the desired state in force if possible, stop unused ones."""
        for state in (self.in_force, self.desired):
            for version in sorted(state.versions):
                if self._server(state, version) is None:
                    self._begin(version, state.digests.get(version))
        if self.in_force != self.desired and self._may_come_into_force():
            self._put_in_force(self.desired)
        needed = [*self._servers_of(self.in_force), *self._servers_of(self.desired)]
        for server in [one for one in self._servers if one not in needed]:
            self._retire(server)

    def _server(self, state: DesiredState, version: int) -> ServerProcess | None:
        """The server that a state means by a number; without a digest, the oldest one."""
        meant = state.digests.get(version)
        for server in self._servers:
            if server.version == version and (meant is None or server.digest in {None, meant}):
                return server
        return None

    def _servers_of(self, state: DesiredState) -> Iterator[ServerProcess]:
        for version in state.versions:
            server = self._server(state, version)
            if server is not None:
                yield server

    def _begin(self, version: int, sha256: str | None) -> None:
        server = self._make(self.model, version, sha256, self._on_ready_change)
        self._servers.append(server)
        server.start()

    def _retire(self, server: ServerProcess) -> None:
        self._servers.remove(server)
        task = asyncio.create_task(server.drain())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """Stop every server after it has drained."""
        draining = [server.drain() for server in self._servers]
        await asyncio.gather(*draining, *self._leaving)

    def is_settled(self) -> bool:
        """Whether the desired state is in force and its weighted versions are ready."""
        return self.in_force == self.desired and self._is_ready(self.desired)

    def is_ready(self, version: int | None = None) -> bool:
        """Whether a server for one version, or for any weighted version, is ready now."""
        return self.next_server(version=version, first=None, tried=()) is not None

    def pick(self, key: str) -> tuple[int | None, RequestStats | None]:
        """Pick the version of a request, ready or not, with its statistics."""
        first = pick_version(self.model, self.weights, key=key)
        return first, None if first is None else self._stats[first]

    def next_server(
        self, *, version: int | None, first: int | None, tried: Collection[int]
    ) -> ServerProcess | None:
        """Next ready server in failover order, or None if none is left.

        The order follows the state in force now: a share removed between two attempts at one
        request is not used by the second.

        Args:
            version: The only version that may answer; None: by weight.
            first: The version picked for the request.
            tried: Versions that failed to answer it.
        """
        order = [version] if version is not None else self._by_weight(first)
        for candidate in order:
            server = self._server(self.in_force, candidate)
            if server is not None and server.ready and candidate not in tried:
                return server
        return None

    def changes(self) -> asyncio.Event:
        """Event that is set when the readiness of a server or the state in force changes."""
        return self._change

    def key_columns(self) -> tuple[str, ...]:
        """Columns that identify a row, once a version is downloaded."""
        return next((one.key_columns for one in self._servers if one.key_columns), ())

    def status(self) -> dict[str, Any]:
        """Status for the status page: the state in force, its servers and statistics."""
        return {
            "model": self.model,
            "generation": self.in_force.generation,
            "desired": self.desired.generation,
            "token": self.in_force.token,
            "weights": {str(version): share for version, share in self.weights.items()},
            "keep": list(self.in_force.keep),
            "settled": self.is_settled(),
            "tallies": {str(version): it.to_json() for version, it in self._stats.items()},
            "servers": {
                str(version): server.status() for version, server in sorted(self.servers.items())
            },
            "starting": {
                str(one.version): one.status()
                for one in self._servers
                if one is not self.servers[one.version]
            },
        }

    def _by_weight(self, first: int | None) -> list[int]:
        # Without any share no version answers: kept versions only serve as failover.
        if not self.weights:
            return []
        return failover_order(self.weights, keep=self.in_force.keep, first=first)

    def _may_come_into_force(self) -> bool:
        only_removes = self.desired.weights.keys() < self.weights.keys()
        return (
            (only_removes and self._has_same_servers(self.desired))
            or self._is_ready(self.desired)
            or not self._answers()
        )

    def _put_in_force(self, state: DesiredState) -> None:
        if state.weights != self.weights or not self._has_same_servers(state):
            self._stats = {version: RequestStats() for version in state.weights}
        self.in_force = state
        self._signal_change()

    def _has_same_servers(self, state: DesiredState) -> bool:
        """Whether the weighted versions of a state are those of the same number in force."""
        return all(
            self._server(state, version) is self._server(self.in_force, version)
            for version in state.weights
        )

    def _on_ready_change(self) -> None:
        self._signal_change()
        self._on_change()

    def _signal_change(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    def _is_ready(self, state: DesiredState) -> bool:
        return all(self._can_answer(state, version) for version in state.weights)

    def _answers(self) -> bool:
        return any(self._can_answer(self.in_force, version) for version in self.weights)

    def _can_answer(self, state: DesiredState, version: int) -> bool:
        server = self._server(state, version)
        return server is not None and server.ready


async def pause(change: asyncio.Event, *, at_most_seconds: float) -> None:
    """Wait for a change, at most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(change.wait(), at_most_seconds)
