"""A registry's downloads from plain folders."""

from __future__ import annotations

import shutil
from pathlib import Path

from slipway.errors import NotFound
from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST, open_sealed, require_digest
from slipway.stages.model.version_tags import DIGEST
from tests.fakes.rollout_registry import FakeVersion


class FolderVersions:
    """A fake of `serving.platform.supervisor.downloads.Versions`.

    Args:
        root: Holds a folder per version, named by its number.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def version(self, model: str, version: int) -> FakeVersion:
        """A version with its digest."""
        return FakeVersion(model, version, {DIGEST: self.digest(model, version)})

    def digest(self, model: str, version: int) -> str:
        """Digest of a version's manifest."""
        return digest((self._source(model, version) / MANIFEST).read_bytes())

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """The folder of a version, its digests checked."""
        source = self._source(model, version)
        require_digest(model, version, wanted=sha256, found=self.digest(model, version))
        open_sealed(source)
        shutil.copytree(source, to)
        return to

    def _source(self, model: str, version: int) -> Path:
        source = self.root / str(version)
        if not source.is_dir():
            raise NotFound(f"{model} has no version {version}")
        return source
