"""Files of model versions: what is downloaded is what was registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import NotFound, Tampered
from slipway.stages.model.manifest import MANIFEST, open_sealed, seal
from tests.support.registry_env import RegistryEnv


def test_a_download_is_the_folder_that_was_logged(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """Every file comes back, and a second download changes nothing."""
    folder, digest = sealed
    number = registry_env.register(folder, digest)
    for _ in range(2):
        got = registry_env.registry.download(registry_env.model, number, tmp_path / "got")
        names = {path.relative_to(got) for path in got.rglob("*")}
        assert names == {path.relative_to(folder) for path in folder.rglob("*")}
        assert open_sealed(got, sha256=digest)["model"] == "m"
    uri = registry_env.registry.version(registry_env.model, number).source_uri
    assert open_sealed(registry_env.tracking.download(uri, tmp_path / "again", sha256=digest))


def test_a_file_is_added_beside_those_of_a_version(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """It can be read back and replaced, the sealed files stay, and an absent one is not found."""
    number = registry_env.register(*sealed)
    for data in (b"first", b"second"):
        registry_env.registry.add_file(registry_env.model, number, "model.sig", data)
        assert registry_env.registry.read_file(registry_env.model, number, "model.sig") == data
    manifest = (sealed[0] / MANIFEST).read_bytes()
    assert registry_env.registry.read_file(registry_env.model, number, MANIFEST) == manifest
    with pytest.raises(NotFound):
        registry_env.registry.read_file(registry_env.model, number, "absent")
    with pytest.raises(NotFound):
        registry_env.registry.add_file(registry_env.model, 9, "model.sig", b"")


def test_a_download_is_the_version_that_is_meant(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """Another version under the number is refused, and a copy of the meant one stands in."""
    folder, digest = sealed
    number = registry_env.register(folder, digest)
    (folder / MANIFEST).unlink()
    other = seal(folder, {"model": "m", "seed": 2})
    got = tmp_path / "got"
    with pytest.raises(Tampered, match="not the version that is meant") as caught:
        registry_env.registry.download(registry_env.model, number, got, sha256=other)
    assert (caught.value.expected, caught.value.found) == (f"sha256 {other}", f"sha256 {digest}")
    assert caught.value.hint
    assert not got.exists()
    second = registry_env.register_uri(registry_env.log(folder), other, run_key="m/request-000002")
    for named in (number, second, 9):
        registry_env.registry.download(registry_env.model, named, got, sha256=other)
        assert open_sealed(got, sha256=other)["seed"] == 2


@pytest.mark.parametrize("name", ["model.skops", MANIFEST])
def test_a_changed_file_is_never_delivered(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    """A file that differs from its digest refuses the whole version, and leaves no folder."""
    folder, digest = sealed
    original = (folder / name).read_bytes()
    (folder / name).write_bytes(original.replace(b"m", b"n"))
    number = registry_env.register(folder, digest)
    with pytest.raises(Tampered):
        registry_env.registry.download(registry_env.model, number, tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_a_version_without_digest_is_not_delivered(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """A version that was registered by hand cannot be checked, so it cannot be used."""
    uri = registry_env.log(sealed[0])
    registry_env.registry.register(registry_env.model, model_uri=uri, run_key="by hand", tags={})
    with pytest.raises(Tampered):
        registry_env.registry.download(registry_env.model, 1, tmp_path / "got")


def test_a_missing_file_is_tampering(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """A listed file that was not uploaded refuses the version."""
    folder, digest = sealed
    (folder / "model.skops").unlink()
    number = registry_env.register(folder, digest)
    with pytest.raises(Tampered):
        registry_env.registry.download(registry_env.model, number, tmp_path / "got")
