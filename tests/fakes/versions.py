"""A registry's downloads, from plain folders."""

from __future__ import annotations

import shutil
from pathlib import Path

from slipway.errors import NotFound
from slipway.stages.manifest import open_sealed


class FolderVersions:
    """Fulfils `serving.platform.Versions`.

    Args:
        root: Holds a folder per version, named by its number.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def download(self, model: str, version: int, to: Path) -> Path:
        """The folder of a version, its digests checked."""
        source = self.root / str(version)
        if not source.is_dir():
            raise NotFound(f"{model} has no version {version}")
        open_sealed(source)
        shutil.copytree(source, to)
        return to
