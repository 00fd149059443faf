"""Clients that go on asking while a rollout shifts traffic, so that each step gets its look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import Any, Protocol

import httpx

from slipway.errors import PlatformUnavailable
from slipway.stages.rollout.platform import Served

REQUESTS_AT_ONCE = 100


class Front(Protocol):
    """Says what is served."""

    def served(self, model: str) -> Served | None:
        """Read back from the live front door; None when nothing is.

        Raises:
            PlatformUnavailable: It does not answer.
        """


class Probing:
    """Asks the same requests again and again, a few at a time, while versions share the traffic.

    They are marked as probes, so the prediction log's windows hold what clients asked in earnest.

    Args:
        client: Of the serving platform.
        platform: Says who shares the traffic.
        model: Who is asked.
    """

    def __init__(self, client: httpx.Client, platform: Front, model: str) -> None:
        self._client = client
        self._platform = platform
        self._model = model
        self._bodies: Iterator[dict[str, Any]] = iter(())
        self.asked = 0
        self.failed = 0

    def about(self, bodies: Iterator[dict[str, Any]]) -> None:
        """From now on ask these, each of them a V2 request; made when they are needed."""
        self._bodies = cycle(bodies)

    def keep_asking(self) -> None:
        """Ask some requests if a rollout is shifting traffic just now; to be called often."""
        if not self._is_shifting():
            return
        for body in islice(self._bodies, REQUESTS_AT_ONCE):
            self.asked += 1
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
