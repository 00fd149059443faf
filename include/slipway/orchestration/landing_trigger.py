"""The landing trigger: emits an event while the landing area holds unacknowledged deliveries.

Runs in the triggerer. Its event carries no data: the ingest run lists the deliveries and moves the
acknowledged fingerprint, so an event that is lost, merged or repeated does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from slipway.settings import Settings

if TYPE_CHECKING:
    from slipway.wiring import Container

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True)
class LandingState:
    """Fingerprints of the landed and of the acknowledged deliveries, at one moment."""

    landed: str | None
    acknowledged: str | None


class Debounce:
    """Decides after each poll whether to emit an event; keeps one fingerprint and its times.

    Args:
        settle_seconds: How long the landing area must stay unchanged, over two polls or more.
        again_seconds: First pause before an event for the same state is repeated; the pause
            doubles each time, up to `LONGEST_PAUSE_S`.
    """

    def __init__(self, *, settle_seconds: float, again_seconds: float) -> None:
        self._settle = settle_seconds
        self._again = again_seconds
        self._seen: str | None = None
        self._since = 0.0
        self._emitted: str | None = None
        self._pause = again_seconds
        self._paused_until = 0.0

    def is_due(self, state: LandingState, *, now: float) -> bool:
        """Return whether an event is due.

        Args:
            state: The state that was polled.
            now: Seconds of a monotonic clock.
        """
        if state.landed != self._seen:
            self._seen, self._since = state.landed, now
            return False
        if state.landed is None or now - self._since < self._settle:
            return False
        if state.landed == state.acknowledged:
            self._emitted = None
            return False
        return self._is_due_for(state.landed, now=now)

    def _is_due_for(self, landed: str, *, now: float) -> bool:
        if landed != self._emitted:
            self._emitted, self._pause = landed, self._again
        elif now < self._paused_until:
            return False
        else:
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        self._paused_until = now + self._pause
        return True


class LandingTrigger(BaseEventTrigger):
    """An event trigger for the landing area of one dataset.

    Args:
        dataset: Name of the dataset.
        store_root: The store's root: a folder, or `s3://bucket/prefix`.
        poll_seconds: Time between two polls.
        settle_seconds: How long the landing area must stay unchanged.
        again_seconds: First pause before an unacknowledged event is repeated.
        source: Source of its deliveries.
        streams: Streams that have files of their own.
    """

    def __init__(
        self,
        *,
        dataset: str,
        store_root: str,
        poll_seconds: float,
        settle_seconds: float,
        again_seconds: float = 30.0,
        source: str = "files",
        streams: Sequence[str] = ("features", "labels"),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dataset = dataset
        self.store_root = store_root
        self.poll_seconds = poll_seconds
        self.settle_seconds = settle_seconds
        self.again_seconds = again_seconds
        self.source = source
        self.streams = list(streams)
        self._problem: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, from which the triggerer makes the trigger."""
        arguments = {
            "dataset": self.dataset,
            "store_root": self.store_root,
            "poll_seconds": self.poll_seconds,
            "settle_seconds": self.settle_seconds,
            "again_seconds": self.again_seconds,
            "source": self.source,
            "streams": self.streams,
        }
        return ("slipway.orchestration.landing_trigger.LandingTrigger", arguments)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll for ever, and yield each event that is due."""
        debounce = Debounce(settle_seconds=self.settle_seconds, again_seconds=self.again_seconds)
        while True:
            state = await self._poll()
            if state is not None and debounce.is_due(state, now=time.monotonic()):
                payload = {"dataset": self.dataset, "landing": state.landed}
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
            await asyncio.sleep(self.poll_seconds)

    async def _poll(self) -> LandingState | None:
        state, problem = None, None
        try:
            state = await asyncio.to_thread(self.read_state)
        except Exception as error:  # noqa: BLE001  # the trigger has to outlive every error
            problem = f"{type(error).__name__}: {error}"
        self._log_change(problem)
        return state

    def _log_change(self, problem: str | None) -> None:
        """Log the first of equal failures, and the end of them."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            log.info("the landing area of %s can be read again", self.dataset)
        else:
            log.warning("cannot read the landing area of %s: %s", self.dataset, problem)

    def read_state(self) -> LandingState:
        """Read the state of the landing area from the store; blocking.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        from slipway.records import arrivals, landing_area

        listed = self.container.source(self.source).deliveries(self.dataset)
        entries = landing_area.of_streams(listed, self.streams)
        landed = landing_area.fingerprint(entries) if entries else None
        return LandingState(landed, arrivals.acknowledged(self.container.store, self.dataset))

    @cached_property
    def container(self) -> Container:
        """Adapters of the installation, made by the first poll."""
        from slipway.wiring import Container

        return Container(Settings(store=self.store_root))
