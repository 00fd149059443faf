"""Read what a model version's folder tells of its classes and its holdout rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.scratch_folder import scratch_folder
from slipway.stages.model.held_out_rows import HeldOutRows, read_held_out
from slipway.stages.model.manifest import open_sealed
from slipway.stages.monitor.watched_version import watched_version

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.spec.labels import Label
    from slipway.stages.monitor.windows import MonitoredWindow
    from slipway.stages.ports.registry import Registry


@dataclass(frozen=True)
class VersionFacts:
    """What monitoring reads of a version's folder.

    Attributes:
        classes: Classes in its manifest, in the order of their codes; None in versions that were
            saved without them.
        held_out: Its holdout rows; None in versions that were saved without them.
        manifest: Its manifest.
    """

    classes: tuple[Label, ...] | None
    held_out: HeldOutRows | None
    manifest: Mapping[str, Any]


def read_version_facts(
    registry: Registry, spec: ModelSpec, monitored: MonitoredWindow
) -> VersionFacts:
    """Return the facts about the version of a window.

    Raises:
        NotFound: The registry lost the version.
        Tampered: A file differs from its digest.
    """
    watched_version(spec.model, monitored.version, registry=registry)
    with scratch_folder("slipway-version-", needs="the version's folder") as scratch:
        folder = registry.download(spec.model, monitored.version, scratch)
        manifest = open_sealed(folder)
        classes = manifest.get("classes")
        known = None if classes is None else tuple(classes)
        return VersionFacts(known, read_held_out(folder), manifest)
