"""Download model versions and verify the digest of each manifest against the registry.

A registry that was created anew numbers its versions from 1 again, so a version number alone is not
trusted while the registry is available; while it is unavailable, the local copy serves.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from slipway.errors import NotFound, RegistryUnavailable
from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST

ANSWER_SECONDS = 2.0
THREADS = 4

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Versions(Protocol):
    """A source of model versions, the registry."""

    def digest(self, model: str, version: int) -> str:
        """Digest of a version's manifest.

        Raises:
            NotFound: There is no such version.
            Tampered: The version has no digest.
            RegistryUnavailable: The registry is unavailable.
        """

    def download(self, model: str, version: int, to: Path) -> Path:
        """Download a model version to a folder, verified and complete or not at all.

        Raises:
            NotFound: There is no such version.
            Tampered: A file differs from its digest.
            RegistryUnavailable: The registry is unavailable.
        """


@dataclass(frozen=True)
class Download:
    """A downloaded version.

    Attributes:
        folder: Its folder.
        digest: Digest of its manifest.
        key_column: Name of the column that identifies a row, if the manifest has one.
    """

    folder: Path
    digest: str
    key_column: str | None


class Downloads:
    """Downloaded versions in one folder: `<model>/<version>-<digest>`.

    Args:
        versions: Their source.
        folder: Folder of the downloads.
    """

    def __init__(self, versions: Versions, folder: Path) -> None:
        self._versions = versions
        self._folder = folder
        # Separate threads: a hanging registry must not block reading the store.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")

    async def fetch(self, model: str, version: int) -> Download:
        """Return a version, downloading it if necessary.

        Raises:
            NotFound: There is no such version.
            Tampered: A file differs from its digest.
            RegistryUnavailable: The registry is unavailable and there is no local copy.
        """
        kept = await asyncio.to_thread(self._kept, model, version)
        if kept is None:
            return await self._run(lambda: self._download(model, version))
        known = await self.digest(model, version)
        if known in (None, kept.digest):
            return kept
        logger.warning("version %d of %s has another digest now; downloading it", version, model)
        return await self._run(lambda: self._download(model, version))

    async def digest(self, model: str, version: int) -> str | None:
        """Digest of a version in the registry; None if the registry is unavailable or slow.

        Raises:
            Tampered: The version has no digest.
        """
        asking = self._run(lambda: self._versions.digest(model, version))
        try:
            return await asyncio.wait_for(asking, ANSWER_SECONDS)
        except (TimeoutError, RegistryUnavailable, NotFound) as error:
            logger.warning(
                "the local copy of version %d of %s is not compared with the registry: %s",
                version,
                model,
                error,
            )
            return None

    def close(self) -> None:
        """Cancel pending requests to the registry."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _download(self, model: str, version: int) -> Download:
        sha256 = self._versions.digest(model, version)
        folder = self._folder / model / f"{version}-{sha256}"
        if not folder.is_dir():
            self._versions.download(model, version, folder)
        # The newest copy serves while the registry is unavailable.
        os.utime(folder)
        for other in self._folders(model, version)[1:]:
            shutil.rmtree(other, ignore_errors=True)
        return _download(folder, _manifest(folder))

    def _kept(self, model: str, version: int) -> Download | None:
        for folder in self._folders(model, version):
            data = _manifest(folder)
            if data is not None and folder.name.endswith(f"-{digest(data)}"):
                return _download(folder, data)
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def _folders(self, model: str, version: int) -> list[Path]:
        found = (self._folder / model).glob(f"{version}-*")
        return sorted(found, key=lambda folder: folder.stat().st_mtime_ns, reverse=True)


def _manifest(folder: Path) -> bytes | None:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError:
        return None


def _download(folder: Path, manifest: bytes | None) -> Download:
    facts: dict[str, Any] = json.loads(manifest or b"{}")
    key = facts.get("key")
    sha256 = folder.name.partition("-")[2]
    return Download(folder, sha256, str(key) if key is not None else None)
