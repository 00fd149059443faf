"""The world of a script on fakes: hundreds of scripts in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from slipway.records import leases, ledger
from slipway.records.verified_versions import was_verified
from slipway.stages.rollout import verify
from slipway.stages.rollout.entered_registry import EnteredRegistry
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.support.rollout_env import DATASET, MODEL, SPEC, FeatureRows
from tests.support.theorem.agreement import disagreements
from tests.support.theorem.clock import ShiftedClock
from tests.support.theorem.deliveries import Deliveries
from tests.support.theorem.fake_platform import FollowingPlatform
from tests.support.theorem.fake_versions import (
    QualityHands,
    QualityPackage,
    QualityRegistry,
    QuickReplay,
)
from tests.support.theorem.steps import REFUSED, Step
from tests.support.theorem.world import World
from tests.support.theorem.writes import REGISTRY_WRITES, STORE_WRITES, Port

ONE_STEP = SPEC.model_validate(
    SPEC.model_dump()
    | {
        "deployment": {"shift": {"steps": [10]}, "verify": {"replay_rows": 20}},
        "retraining": {"mode": "suggest", "first_after_labels": 1},
    }
)


class FakeWorld(World):
    """A world on fakes; its clients look before every write."""

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.dataset, self.tables = ONE_STEP, DATASET, FeatureRows()
        self.load = QualityPackage
        self.store = MemoryStore()
        self.counted: Any = Port(self.store, self.writes, names=STORE_WRITES)
        self.versions = QualityRegistry(MODEL)
        self.log = self.versions.log
        QuickReplay.qualities = self.versions.qualities
        self.hands = QualityHands(self.versions)
        self.plain_registry = Port(
            self.versions,
            self.writes,
            names=REGISTRY_WRITES,
            is_away=lambda: "MLflow" in self.away,
        )
        self.registry = EnteredRegistry(self.plain_registry, self.counted)
        self.platform = FollowingPlatform(
            MODEL,
            store=self.counted,
            plain=self.store,
            registry=self.versions,
            is_down=lambda: "platform" in self.away,
            is_cut_off=lambda: "MLflow" in self.away,
        )
        self.deliveries = Deliveries(
            self.store, self.counted, tables=MemoryTables(), writes=self.writes
        )
        self._has_served = False

    def watch(self) -> None:
        """Every request is answered, by a version that was verified."""
        answering = self.platform.answering()
        if answering is None:
            return
        if None in answering and self._has_served:
            self.note("a request is not answered")
        for server in answering:
            self._has_served = self._has_served or server is not None
            if server is not None and not self._was_verified(server[1]):
                self.note(f"version {server[0]} answers, and no verify passed it")

    def restart_platform(self) -> None:
        """Kill the platform and start it again."""
        self.platform.restart()

    def sleep(self, seconds: float) -> None:
        """Move the clock, with clients' requests."""
        self.pass_time(seconds)
        self.platform.receive(round(100 * seconds))
        self.watch()

    def _was_verified(self, sha256: str) -> bool:
        is_fit = self.versions.qualities[sha256] != REFUSED
        return is_fit and was_verified(self.store, MODEL, sha256)


def problems_of(script: Sequence[Step]) -> list[str]:
    """What breaks the theorem when a script runs on fakes, in words; empty if nothing does."""
    world = FakeWorld()
    world.run(script)
    if not world.problems:
        world.settle()
    return world.problems or [*disagreements(world), *world.deliveries.problems()]


@contextmanager
def fake_worlds() -> Iterator[None]:
    """Patches that make the worlds inside quick, and move their clock of leases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "datetime", ShiftedClock)
        patch.setattr(ledger, "ENTRY_SECONDS", 0.0)
        patch.setattr(verify, "Replay", QuickReplay)
        patch.setattr(verify, "recent_rows", lambda *_, **__: None)
        yield
