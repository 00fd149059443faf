"""Read the classes that a model version was trained for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.records.scratch_folder import scratch_folder
from slipway.stages.model.manifest import open_sealed
from slipway.stages.monitor.watched_version import watched_version

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.spec.labels import Label
    from slipway.stages.monitor.windows import MonitoredWindow
    from slipway.stages.ports.registry import Registry


def read_classes(
    registry: Registry, spec: ModelSpec, monitored: MonitoredWindow
) -> tuple[Label, ...] | None:
    """Return the classes in a version's manifest, in the order of their codes.

    None in versions that were saved without them.

    Raises:
        NotFound: The registry lost the version.
        Tampered: A file differs from its digest.
    """
    watched_version(spec.model, monitored.version, registry=registry)
    with scratch_folder("slipway-classes-", needs="the version's folder") as scratch:
        folder = registry.download(spec.model, monitored.version, scratch)
        classes = open_sealed(folder).get("classes")
    return None if classes is None else tuple(classes)
