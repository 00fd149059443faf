"""A client that sends requests throughout a script."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx

PAUSE_S = 0.025


@dataclass
class Asking:
    """A client that sends requests without a pause while it may, each by a connection of its own.

    Attributes:
        url: Where to.
        body: Of each request.
        failed: Answers that were none, after the first one.
        answered: Number of answers.
        may_ask: Whether it may.
    """

    url: str
    body: dict[str, Any]
    failed: list[str] = field(default_factory=list)
    answered: int = 0
    may_ask: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._over, self._alone = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """No request is sent or waits inside."""
        with self._alone:
            yield

    def _ask(self) -> None:
        # A kept connection stays with the server that it led to.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(limits=limits, timeout=90, trust_env=False) as client:
            while not self._over.wait(PAUSE_S):
                if self.may_ask.is_set():
                    with self._alone:
                        self._ask_once(client)

    def _ask_once(self, client: httpx.Client) -> None:
        key = uuid4().hex
        body, headers = {**self.body, "id": key}, {"x-slipway-key": key}
        try:
            reply = client.post(self.url, json=body, headers=headers)
        except httpx.TransportError as error:
            failure = type(error).__name__
        else:
            failure = "" if reply.is_success else f"{reply.status_code}: {reply.text}"
        self.answered += not failure
        if failure and self.answered:
            self.failed.append(failure)
