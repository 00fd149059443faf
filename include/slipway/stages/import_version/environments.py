"""Two environments: the one that a version comes from, and the one that it comes to."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.records.store import Store
from slipway.stages.import_version.copy import Artifacts, SourceRuns
from slipway.stages.import_version.regate import RegateTools
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tracking import Tracking


@dataclass(frozen=True)
class SourceEnvironment:
    """Another environment, which is only read.

    Attributes:
        name: What records call it.
        registry: Its model versions.
        runs: Its training runs.
        store: Its records.
    """

    name: str
    registry: Registry
    runs: SourceRuns
    store: Store


@dataclass(frozen=True)
class TargetEnvironment:
    """This environment.

    Attributes:
        registry: Its model versions.
        tracking: Its training runs.
        artifacts: The files beside them.
        store: Its records.
        scales: What a comparison on its own rows needs.
    """

    registry: Registry
    tracking: Tracking
    artifacts: Artifacts
    store: Store
    scales: RegateTools
