"""Wire the export of a version's evidence, and its verification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.evidence.gather import Gathered
    from slipway.stages.evidence.verify import Verified
    from slipway.stages.ports.registry import ModelVersion
    from slipway.wiring.container import Container


def export_evidence(container: Container, version: ModelVersion, target: Path) -> Gathered:
    """Write the whole case of a version into a new folder; return what was written.

    Args:
        container: Adapters of the installation.
        version: Registered version.
        target: A new or an empty folder.

    Raises:
        BadParameter: The folder is not empty.
        Tampered: A file of the version differs from its digest.
    """
    from slipway.records.scratch_folder import scratch_folder
    from slipway.stages.evidence.export import require_new_folder, write_evidence
    from slipway.stages.evidence.gather import gather
    from slipway.stages.model.manifest import open_sealed
    from slipway.stages.report.version_case import read_case
    from slipway.wiring.pictures import drawing

    require_new_folder(target)
    with scratch_folder("slipway-evidence-", needs="the version's folder") as scratch:
        folder = container.registry.download(version.model, version.version, scratch / "version")
        case = read_case(container.store, version, manifest=open_sealed(folder))
        found = gather(
            case,
            folder=folder,
            store=container.store,
            tables=container.tables,
            anchored=container.registry.anchored(version.model),
            draw=drawing(),
        )
    write_evidence(found.files, target)
    return found


def verify_evidence(folder: Path) -> Verified:
    """Verify a folder of evidence, without any other part of an installation but trusted keys.

    Raises:
        NotFound: It holds no complete evidence.
        BadParameter: The trusted keys cannot be read.
    """
    from slipway.adapters.object_store import open_store
    from slipway.settings import Settings
    from slipway.stages.evidence.layout import STORE
    from slipway.stages.evidence.verify import require_complete
    from slipway.stages.evidence.verify import verify_evidence as verify
    from slipway.wiring.signing import verifier_of

    # Opening a store makes its folder.
    require_complete(folder)
    store = open_store(str(folder / STORE))
    return verify(folder, store, verifier=verifier_of(Settings()))
