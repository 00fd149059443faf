"""The arrival bell: rings at least once while the landing area holds what nobody acknowledged.

Runs in the triggerer. It is a doorbell, not a record: the ingest run lists what waits and moves
the acknowledged fingerprint, so a ring that is lost, merged or repeated does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from slipway.settings import Settings

if TYPE_CHECKING:
    from slipway.wiring import Container

log = logging.getLogger(__name__)

LONGEST_SILENCE_S = 300.0


@dataclass(frozen=True)
class Look:
    """What one look at the store saw: fingerprints of what landed, and of what was handled."""

    landed: str | None
    acknowledged: str | None


class Patience:
    """Decides from one look to the next whether to ring; keeps one fingerprint and its times.

    Args:
        settle_seconds: How long the landing area must have stayed the same, in two looks or more.
        again_seconds: After so long without an answer it rings again, then ever more rarely.
    """

    def __init__(self, *, settle_seconds: float, again_seconds: float) -> None:
        self._settle = settle_seconds
        self._again = again_seconds
        self._seen: str | None = None
        self._since = 0.0
        self._rung: str | None = None
        self._silence = again_seconds
        self._silent_until = 0.0

    def rings(self, look: Look, *, now: float) -> bool:
        """Whether to ring after this look.

        Args:
            look: What it saw.
            now: Seconds on a clock that never goes back.
        """
        if look.landed != self._seen:
            self._seen, self._since = look.landed, now
            return False
        if look.landed is None or now - self._since < self._settle:
            return False
        if look.landed == look.acknowledged:
            self._rung = None
            return False
        return self._ring(look.landed, now=now)

    def _ring(self, landed: str, *, now: float) -> bool:
        if landed != self._rung:
            self._rung, self._silence = landed, self._again
        elif now < self._silent_until:
            return False
        else:
            self._silence = min(self._silence * 2, LONGEST_SILENCE_S)
        self._silent_until = now + self._silence
        return True


class LandingBell(BaseEventTrigger):
    """An event trigger that rings for one dataset.

    Args:
        dataset: Whose landing area it watches.
        store_root: The store's root: a folder, or `s3://bucket/prefix`.
        poll_seconds: Time between two looks.
        settle_seconds: How long a file must have stayed the same to be complete.
        again_seconds: When to ring again if nobody answers.
        source: Source of its deliveries.
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
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dataset = dataset
        self.store_root = store_root
        self.poll_seconds = poll_seconds
        self.settle_seconds = settle_seconds
        self.again_seconds = again_seconds
        self.source = source
        self._trouble: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        arguments = {
            "dataset": self.dataset,
            "store_root": self.store_root,
            "poll_seconds": self.poll_seconds,
            "settle_seconds": self.settle_seconds,
            "again_seconds": self.again_seconds,
            "source": self.source,
        }
        return ("slipway.orchestration.landing_trigger.LandingBell", arguments)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ring, for ever, whenever something waits."""
        patience = Patience(settle_seconds=self.settle_seconds, again_seconds=self.again_seconds)
        while True:
            look = await self._survive_look()
            if look is not None and patience.rings(look, now=time.monotonic()):
                ring = {"dataset": self.dataset, "landing": look.landed}
                yield TriggerEvent(ring)  # type: ignore[no-untyped-call]
            await asyncio.sleep(self.poll_seconds)

    async def _survive_look(self) -> Look | None:
        look, trouble = None, None
        try:
            look = await asyncio.to_thread(self.look)
        except Exception as error:  # noqa: BLE001  # a bell that dies rings for nobody
            trouble = f"{type(error).__name__}: {error}"
        self._tell_change(trouble)
        return look

    def _tell_change(self, trouble: str | None) -> None:
        """Log the first of many equal failures, and their end."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble is None:
            log.info("the landing area of %s can be seen again", self.dataset)
        else:
            log.warning("cannot look at the landing area of %s: %s", self.dataset, trouble)

    def look(self) -> Look:
        """What the store says now; blocking.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        from slipway.records import arrivals, landing_area

        entries = self.container.source(self.source).deliveries(self.dataset)
        landed = landing_area.fingerprint(entries) if entries else None
        return Look(landed, arrivals.acknowledged(self.container.store, self.dataset))

    @cached_property
    def container(self) -> Container:
        """Tools of the installation, created by the first look."""
        from slipway.wiring import Container

        return Container(Settings(store=self.store_root))
