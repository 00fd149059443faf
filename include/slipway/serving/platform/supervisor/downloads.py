"""Download model versions, each by its number and the digest of its manifest.

A registry that was created anew numbers its versions from 1 again. So a number whose digest in the
registry is not the one that is meant is refused, and the local copy of the meant version goes on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from slipway.adapters.signatures import TrustedKeys
from slipway.errors import BadSignature
from slipway.records.store import digest, parse_json
from slipway.spec.identity import key_of
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.signature import verify_folder

THREADS = 4

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

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Download a model version to a folder, verified and complete or not at all.

        Args:
            model: Name of the model.
            version: Number within the model.
            to: Folder to create.
            sha256: Digest of the version that is meant.

        Raises:
            NotFound: There is no such version.
            Tampered: The number has another digest, or a file differs from it.
            RegistryUnavailable: The registry is unavailable.
        """


@dataclass(frozen=True)
class Download:
    """A downloaded version.

    Attributes:
        folder: Its folder.
        digest: Digest of its manifest.
        key_columns: Columns that identify a row; empty if the manifest names none, or the row as a
            whole.
    """

    folder: Path
    digest: str
    key_columns: tuple[str, ...] = ()


class Downloads:
    """Downloaded versions in one folder: `<model>/<version>-<digest>`.

    A copy without a signature by a trusted key is downloaded again, since the version may have been
    signed meanwhile.

    Args:
        versions: Their source.
        folder: Folder of the downloads.
        trusted_keys: Public keys, by one of which a version has to be signed; None: by none.
    """

    def __init__(
        self, versions: Versions, folder: Path, *, trusted_keys: Path | None = None
    ) -> None:
        self._versions = versions
        self._verifier = None if trusted_keys is None else TrustedKeys(trusted_keys)
        self._folder = folder
        # Separate threads: a hanging registry must not block reading the store.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")

    async def fetch(self, model: str, version: int, sha256: str | None = None) -> Download:
        """Return a version, downloading it if necessary.

        Args:
            model: Name of the model.
            version: Number within the model.
            sha256: Digest of the version that is meant; None: the local copy that was used last,
                else what the registry has.

        Raises:
            NotFound: There is no such version.
            Tampered: The registry has other bytes under that number.
            BadSignature: It is not signed by a trusted key.
            RegistryUnavailable: The registry is unavailable and there is no local copy.
        """
        kept = await asyncio.to_thread(self._kept, model, version, sha256)
        if kept is not None:
            return kept
        return await self._run(lambda: self._download(model, version, sha256))

    def close(self) -> None:
        """Cancel pending requests to the registry."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _download(self, model: str, version: int, wanted: str | None) -> Download:
        sha256 = wanted or self._versions.digest(model, version)
        folder = self._folder / model / f"{version}-{sha256}"
        self._versions.download(model, version, folder, sha256=sha256)
        # A state of an earlier release names no digest; it means the copy that was used last.
        os.utime(folder)
        return _download(folder, _manifest(folder))

    def _kept(self, model: str, version: int, wanted: str | None) -> Download | None:
        copies = (self._folder / model).glob(f"{version}-{wanted or '*'}")
        for folder in sorted(copies, key=lambda one: one.stat().st_mtime_ns, reverse=True):
            data = _manifest(folder)
            if data is None or not folder.name.endswith(f"-{digest(data)}"):
                shutil.rmtree(folder, ignore_errors=True)
            elif self._is_trusted(folder, model):
                os.utime(folder)
                return _download(folder, data)
        return None

    def _is_trusted(self, folder: Path, model: str) -> bool:
        if self._verifier is None:
            return True
        try:
            verify_folder(folder, self._verifier, model=model)
        except BadSignature:
            return False
        return True


def _manifest(folder: Path) -> bytes | None:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError:
        return None


def _download(folder: Path, manifest: bytes | None) -> Download:
    facts: dict[str, Any] = parse_json(manifest or b"{}")
    key = key_of(facts)
    sha256 = folder.name.partition("-")[2]
    return Download(folder, sha256, () if key is None else key.named)
