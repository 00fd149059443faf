"""Downloads of versions: which folders are trusted, and when a version is downloaded again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.errors import NotFound, RegistryUnavailable, Tampered
from slipway.records.store import digest
from slipway.serving.platform.supervisor.downloads import Downloads
from slipway.stages.model.manifest import MANIFEST, seal
from tests.fakes.versions import FolderVersions

pytestmark = pytest.mark.anyio


class Registry(FolderVersions):
    """A registry of folders that can be down or hang.

    Attributes:
        is_down: Whether its calls raise.
        hangs: Event that every answer waits for; None: no wait.
        downloads: Number of downloads.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.is_down = False
        self.hangs: threading.Event | None = None
        self.downloads = 0

    def register(self, version: int, text: str) -> str:
        """Register a model under a number; its digest."""
        folder = self.root / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model").write_text(text)
        (folder / MANIFEST).unlink(missing_ok=True)
        return seal(folder, {"key": "flight_id"})

    def digest(self, model: str, version: int) -> str:
        """The digest of a version."""
        if self.hangs is not None:
            self.hangs.wait()
        if self.is_down:
            raise RegistryUnavailable("the MLflow server does not answer")
        return super().digest(model, version)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """The folder of a version; counted."""
        self.downloads += 1
        return super().download(model, version, to, sha256=sha256)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with one version."""
    registry = Registry(tmp_path / "registry")
    registry.register(1, "first")
    return registry


@pytest.fixture
def local(registry: Registry, tmp_path: Path) -> Iterator[Downloads]:
    """The downloads under test."""
    local = Downloads(registry, tmp_path / "scratch")
    yield local
    local.close()


async def test_a_version_comes_once(registry: Registry, local: Downloads) -> None:
    """A folder with the registered digest is not downloaded again."""
    first = await local.fetch("delay", 1)
    assert await local.fetch("delay", 1) == first
    assert (first.folder / "model").read_text() == "first"
    assert first.digest == digest((first.folder / MANIFEST).read_bytes())
    assert first.key_columns == ("flight_id",)
    assert registry.downloads == 1
    with pytest.raises(NotFound):
        await local.fetch("delay", 9)


async def test_a_version_is_its_digest(registry: Registry, local: Downloads) -> None:
    """In a registry that was begun anew, the same number with another digest is another version."""
    old = await local.fetch("delay", 1)
    sha256 = registry.register(1, "second")
    assert await local.fetch("delay", 1, old.digest) == old
    assert await local.fetch("delay", 1) == old
    new = await local.fetch("delay", 1, sha256)
    assert ((new.folder / "model").read_text(), new.digest) == ("second", sha256)
    assert (old.folder / "model").read_text() == "first"
    assert await local.fetch("delay", 1) == new


async def test_other_bytes_than_the_wanted_ones_are_refused(
    registry: Registry, local: Downloads, tmp_path: Path
) -> None:
    """The error has both digests and a hint, and nothing is kept."""
    wanted, found = "a" * 64, registry.digest("delay", 1)
    with pytest.raises(Tampered, match="not the version that is meant") as caught:
        await local.fetch("delay", 1, wanted)
    assert caught.value.expected == f"sha256 {wanted}"
    assert caught.value.found == f"sha256 {found}"
    assert "registered again" in str(caught.value.hint)
    assert not (tmp_path / "scratch" / "delay").exists()


async def test_a_registry_that_is_away(registry: Registry, local: Downloads) -> None:
    """During an outage a local version is used, and a missing one raises."""
    kept = await local.fetch("delay", 1)
    registry.is_down = True
    assert await local.fetch("delay", 1) == kept
    assert await local.fetch("delay", 1, kept.digest) == kept
    with pytest.raises(RegistryUnavailable):
        await local.fetch("delay", 2)


async def test_a_registry_that_hangs(registry: Registry, local: Downloads) -> None:
    """A local version is used without a wait."""
    kept = await local.fetch("delay", 1)
    registry.hangs = threading.Event()
    async with asyncio.timeout(3):
        for _ in range(6):
            assert await local.fetch("delay", 1, kept.digest) == kept
    registry.hangs.set()


async def test_a_changed_folder_is_not_trusted(registry: Registry, local: Downloads) -> None:
    """A folder whose manifest does not match its name is downloaded again."""
    kept = await local.fetch("delay", 1)
    (kept.folder / MANIFEST).write_text("{}")
    assert await local.fetch("delay", 1) == kept
    assert registry.downloads == 2


async def test_a_tampered_version_stays_away(registry: Registry, local: Downloads) -> None:
    """A download whose files differ from the digests is removed."""
    (registry.root / "1" / "model").write_text("evil")
    with pytest.raises(Tampered):
        await local.fetch("delay", 1)
