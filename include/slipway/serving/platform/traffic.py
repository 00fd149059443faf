"""One model's traffic on this machine: the state in force, and the servers behind it.

A new state comes into force once its weighted versions are ready; until then the old one serves.
A state that only takes shares away does so at once: what was taken back may not answer again,
whatever else is the matter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from slipway.records.desired_state import DesiredState
from slipway.serving.platform.proxy.pick_version import failover_order, pick_version
from slipway.serving.platform.proxy.request_stats import RequestStats
from slipway.serving.platform.supervisor.server_process import ServerProcess

MakeServer = Callable[[str, int, Callable[[], None]], ServerProcess]


class Traffic:
    """Which version is asked next, and the processes that this needs.

    Args:
        desired: The newest state asked for.
        make: Makes the server of a version, which says so when its readiness changes.
        noticed: Called when the readiness of a server has changed.

    Attributes:
        desired: The newest state asked for.
        in_force: The state by which requests are answered.
        servers: By version.
    """

    def __init__(
        self, desired: DesiredState, *, make: MakeServer, noticed: Callable[[], None] = lambda: None
    ) -> None:
        self.model = desired.model
        self.desired = desired
        self.servers: dict[int, ServerProcess] = {}
        self._make = make
        self._noticed = noticed
        self._change = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self.in_force = desired
        self._counts = {version: RequestStats() for version in desired.weights}

    @property
    def weights(self) -> Mapping[int, float]:
        """Share of the requests by version, as it is in force."""
        return self.in_force.weights

    def advance(self) -> None:
        """Start what is needed, put the newest state in force when it can be, end the rest."""
        needed = self.desired.versions | self.in_force.versions
        for version in sorted(needed - self.servers.keys()):
            self._begin(version)
        if self.in_force != self.desired and self._may_come():
            self._put_in_force(self.desired)
        for version in self.servers.keys() - self.desired.versions - self.in_force.versions:
            self._retire(version)

    def replace(self, version: int) -> None:
        """Start a version's server anew, beside the one that finishes what it is answering."""
        self._retire(version)
        self._begin(version)

    def _begin(self, version: int) -> None:
        server = self.servers[version] = self._make(self.model, version, self._notice)
        server.start()

    def _retire(self, version: int) -> None:
        task = asyncio.create_task(self.servers.pop(version).drain())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """End every server once it has drained."""
        draining = [server.drain() for server in self.servers.values()]
        await asyncio.gather(*draining, *self._leaving)

    def is_settled(self) -> bool:
        """Whether the newest state is in force and its weighted versions are ready."""
        return self.in_force == self.desired and self._is_ready(self.desired)

    def is_ready(self, version: int | None = None) -> bool:
        """Whether a request, to one version or by weight, would be answered at once."""
        return self.next_server(version=version, first=None, tried=()) is not None

    def draw(self, key: str) -> tuple[int | None, RequestStats | None]:
        """The version to which a request falls, ready or not, and its count of such requests."""
        first = pick_version(self.model, self.weights, key=key)
        return first, None if first is None else self._counts[first]

    def next_server(
        self, *, version: int | None, first: int | None, tried: Collection[int]
    ) -> ServerProcess | None:
        """Who is asked next, or None when nobody is left who could answer now.

        It follows the state in force at this moment: a share that was taken away between two
        attempts at one request is gone for the second, too.

        Args:
            version: The only version that may answer; None: by weight.
            first: The version to which the request fell.
            tried: Versions that were asked in vain.
        """
        order = [version] if version is not None else self._by_weight(first)
        for candidate in order:
            server = self.servers.get(candidate)
            if server is not None and server.ready and candidate not in tried:
                return server
        return None

    def changes(self) -> asyncio.Event:
        """Set as soon as the readiness of a server, or the state in force, has changed."""
        return self._change

    def key_column(self) -> str | None:
        """Name of the column that identifies a row, once a version is here."""
        return next((one.key_column for one in self.servers.values() if one.key_column), None)

    def status(self) -> dict[str, Any]:
        """What is really served."""
        return {
            "model": self.model,
            "generation": self.in_force.generation,
            "desired": self.desired.generation,
            "token": self.in_force.token,
            "weights": {str(version): share for version, share in self.weights.items()},
            "keep": list(self.in_force.keep),
            "settled": self.is_settled(),
            "tallies": {str(version): it.to_json() for version, it in self._counts.items()},
            "servers": {
                str(version): server.status() for version, server in sorted(self.servers.items())
            },
        }

    def _by_weight(self, first: int | None) -> list[int]:
        # With no share at all nobody answers: a warm version only ever stands in for another.
        if not self.weights:
            return []
        return failover_order(self.weights, keep=self.in_force.keep, first=first)

    def _may_come(self) -> bool:
        only_takes_away = self.desired.weights.keys() < self.weights.keys()
        return only_takes_away or self._is_ready(self.desired) or not self._answers()

    def _put_in_force(self, state: DesiredState) -> None:
        if state.weights != self.weights:
            self._counts = {version: RequestStats() for version in state.weights}
        self.in_force = state
        self._tell()

    def _notice(self) -> None:
        self._tell()
        self._noticed()

    def _tell(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    def _is_ready(self, state: DesiredState) -> bool:
        return all(self._can_answer(version) for version in state.weights)

    def _answers(self) -> bool:
        return any(self._can_answer(version) for version in self.weights)

    def _can_answer(self, version: int) -> bool:
        return version in self.servers and self.servers[version].ready


async def pause(change: asyncio.Event, *, at_most_seconds: float) -> None:
    """Until a change, or for so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(change.wait(), at_most_seconds)
