"""A client that sends requests in a background thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.serving.processes import until

PAUSE_S = 0.01
"""Leaves the processor to servers that start meanwhile."""


@dataclass
class BackgroundClient:
    """A thread that sends requests with short pauses, each with another key.

    Attributes:
        answered: Version that answered, by request id.
        failed: Requests without an answer.
    """

    url: str
    body: dict[str, Any]
    answered: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Wait for a number of further answers."""
        goal = len(self.answered) + more
        until(lambda: len(self.answered) >= goal or self.failed, f"{more} more answers")

    def _ask(self) -> None:
        with httpx.Client(timeout=90) as client:
            while not self._stop.wait(PAUSE_S):
                request_id = uuid4().hex
                key = {"x-slipway-key": request_id}
                try:
                    reply = client.post(self.url, json={**self.body, "id": request_id}, headers=key)
                except httpx.TransportError as error:
                    self.failed.append(type(error).__name__)
                    continue
                if reply.is_success:
                    self.answered[request_id] = int(reply.json()["model_version"])
                else:
                    self.failed.append(f"{reply.status_code}: {reply.text}")
