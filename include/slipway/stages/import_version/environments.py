"""Source and target environment of an import."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.records.store import Store
from slipway.stages.import_version.regate import RegateTools
from slipway.stages.model.sign_version import UNSIGNED, Signing
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tracked_runs import TrackedRuns
from slipway.stages.ports.tracking import Tracking


@dataclass(frozen=True)
class SourceEnvironment:
    """Another environment, which is only read.

    Attributes:
        name: Its name in records.
        registry: Its model versions.
        runs: Its training runs.
        store: Its records.
    """

    name: str
    registry: Registry
    runs: TrackedRuns
    store: Store


@dataclass(frozen=True)
class TargetEnvironment:
    """This environment, beside its run context.

    Attributes:
        registry: Its model versions.
        tracking: Its tracking server.
        runs: Its training runs.
        regate: Adapters to gate a version on its own rows.
        signing: Its keys.
    """

    registry: Registry
    tracking: Tracking
    runs: TrackedRuns
    regate: RegateTools
    signing: Signing = UNSIGNED
