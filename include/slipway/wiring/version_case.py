"""Wire what reads the whole case of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.ports.registry import ModelVersion
    from slipway.stages.report.version_case import VersionCase
    from slipway.wiring.container import Container


def read_whole_case(container: Container, version: ModelVersion) -> VersionCase:
    """Return the records of a version, with the manifest of its folder.

    Args:
        container: Adapters of the installation.
        version: Registered version.

    Raises:
        Tampered: A file of the version differs from its digest.
    """
    from slipway.records.scratch_folder import scratch_folder
    from slipway.stages.model.manifest import open_sealed
    from slipway.stages.report.version_case import read_case

    with scratch_folder("slipway-case-", needs="the version's folder") as scratch:
        folder = container.registry.download(version.model, version.version, scratch / "version")
        manifest = open_sealed(folder)
    return read_case(container.store, version, manifest=manifest)
