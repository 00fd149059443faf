"""Fakes of the model servers behind the platform's reverse proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slipway.records.desired_state import DesiredState
from slipway.serving.http.upstream import BrokenOff, Headers, Reply
from slipway.serving.platform.proxy.forwarding import ProxiedRequest


@dataclass
class FakeServer:
    """A fake of `supervisor.server_process.ServerProcess`.

    Attributes:
        model: Name of the model.
        version: Version of the model.
        changed: Called whenever `ready` changes.
        ready: Whether it is ready.
        status_code: Status of its answers; None: it cannot be reached.
        breaks_off: Whether it ends during each request.
        hangs: Whether it never answers in time.
        seen: Request line and headers of each request.
        drained: Whether it was drained.
        release: Event that each answer waits for; None: no wait.
    """

    model: str
    version: int
    changed: Callable[[], None]
    ready: bool = False
    status_code: int | None = 200
    breaks_off: bool = False
    hangs: bool = False
    seen: list[tuple[str, dict[bytes, bytes]]] = field(default_factory=list)
    drained: bool = False
    release: asyncio.Event | None = None
    key_columns: tuple[str, ...] = ("flight_id",)
    digest: str | None = None
    restarts: int = 0
    pid: int | None = 1
    port: int | None = 1
    reply_headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Do nothing."""

    def become(self, *, ready: bool) -> None:
        """Change its readiness."""
        self.ready = ready
        self.changed()

    async def ask(
        self, method: str, target: str, *, headers: Headers, body: bytes, timeout_seconds: float
    ) -> Reply | None:
        """The configured answer."""
        del timeout_seconds
        self.seen.append((f"{method} {target}", dict(headers)))
        if self.release is not None:
            await self.release.wait()
        if self.hangs:
            raise TimeoutError
        if self.breaks_off:
            self.become(ready=False)
            raise BrokenOff
        if self.status_code is None:
            self.become(ready=False)
            return None
        return Reply(self.status_code, list(self.reply_headers), body, 0.005)

    async def drain(self) -> None:
        """Mark it as drained."""
        self.drained = True

    def status(self) -> dict[str, Any]:
        """Its entry on the status page."""
        return {"ready": self.ready}


def state(
    weights: dict[int, float],
    *,
    keep: tuple[int, ...] = (),
    digests: dict[int, str] | None = None,
    generation: int = 1,
) -> DesiredState:
    """A desired state."""
    at = "2013-01-01T00:00:00+00:00"
    return DesiredState("delay", generation, generation, weights, keep, at, digests or {})


def proxied_request(
    *, key: str = "k", version: int | None = None, is_inference: bool = True
) -> ProxiedRequest:
    """A request as the proxy reads it."""
    return ProxiedRequest("POST", "/v2/models/delay/infer", [], b"{}", version, key, is_inference)
