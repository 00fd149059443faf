"""Send requests while a rollout shifts traffic, so that each canary step can be analysed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import Any, Protocol

import httpx

from slipway.errors import PlatformUnavailable
from slipway.stages.rollout.platform import Served

REQUESTS_AT_ONCE = 100


class ServedReader(Protocol):
    """Reads what is served."""

    def served(self, model: str) -> Served | None:
        """Return the served versions of a model; None without any.

        Raises:
            PlatformUnavailable: The platform does not respond.
        """


class ProbeLoad:
    """Repeats requests, a few at a time, while versions share the traffic.

    They are marked as probes, so that windows of the prediction log leave them out.

    Args:
        client: HTTP client of the serving platform.
        platform: Reads which versions share the traffic.
        model: Name of the model.
    """

    def __init__(self, client: httpx.Client, platform: ServedReader, model: str) -> None:
        self._client = client
        self._platform = platform
        self._model = model
        self._bodies: Iterator[dict[str, Any]] = iter(())
        self.sent = 0
        self.failed = 0

    def set_bodies(self, bodies: Iterator[dict[str, Any]]) -> None:
        """Set the bodies of V2 requests to send from now on; read lazily."""
        self._bodies = cycle(bodies)

    def send_some(self) -> None:
        """Send some requests if a rollout is shifting traffic; to be called often."""
        if not self._is_shifting():
            return
        for body in islice(self._bodies, REQUESTS_AT_ONCE):
            self.sent += 1
            try:
                reply = self._client.post(f"/v2/models/{self._model}/infer", json=body)
            except httpx.TransportError:
                self.failed += 1
            else:
                self.failed += not reply.is_success

    def _is_shifting(self) -> bool:
        served = None
        with suppress(PlatformUnavailable):
            served = self._platform.served(self._model)
        return served is not None and len(served.weights) > 1
