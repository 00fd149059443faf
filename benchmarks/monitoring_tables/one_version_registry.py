"""A registry with one version, for benchmarks that run stages on a folder."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion

MADE = datetime(2025, 1, 1, tzinfo=UTC)


class OneVersionRegistry:
    """A registry that holds one version, in a folder.

    Args:
        folder: Folder of the version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def version(self, model: str, version: int) -> ModelVersion:
        """Return the version."""
        tags = {DIGEST: digest((self._folder / MANIFEST).read_bytes())}
        return ModelVersion(model, version, f"{model}/request-000001", "made up", tags, MADE)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Copy the folder, from the same disk."""
        del model, version, sha256
        return shutil.copytree(self._folder, to / "model")
