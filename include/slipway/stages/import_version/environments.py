"""Two environments: the one that a version comes from, and the one that it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from slipway.records.store import Store
from slipway.stages.import_version.copy import Artifacts, Runs, Tracking
from slipway.stages.import_version.regate import Scales
from slipway.stages.train.promote import ModelVersion, Registry


class OwnRegistry(Registry, Protocol):
    """This environment's registry."""

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """The oldest version whose tags hold a digest, or None."""


@dataclass(frozen=True)
class Source:
    """Another environment, which is only read.

    Attributes:
        name: What records call it.
        registry: Its model versions.
        runs: Its training runs.
        store: Its records.
    """

    name: str
    registry: Registry
    runs: Runs
    store: Store


@dataclass(frozen=True)
class Here:
    """This environment.

    Attributes:
        registry: Its model versions.
        tracking: Its training runs.
        artifacts: The files beside them.
        store: Its records.
        scales: What a comparison on its own rows needs.
    """

    registry: OwnRegistry
    tracking: Tracking
    artifacts: Artifacts
    store: Store
    scales: Scales
