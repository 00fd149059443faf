"""A broken file of personal-data keys: only what needs a key that is not there is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.stages.model.personal_keys import KEY_ID, PersonalKeys, key_id
from tests.serving.extras_env import MemoryLog, load
from tests.serving.model_versions import change_manifest

OLD, NEW = b"the key of the champion", b"the key of tomorrow, long"
SECRET = b"a short one"

FILES = {
    "a short line": OLD + b"\n\n  " + SECRET + b"\n",
    "a short line first": SECRET + b"\n" + OLD + b"\n",
    "a half-written line": OLD + b"\n" + NEW[:5],
}


def write(folder: Path, data: bytes) -> Path:
    """A file of keys."""
    path = folder / "keys"
    path.write_bytes(data)
    return path


@pytest.fixture
def personal(versions: Path, tmp_path: Path) -> Path:
    """A version whose column is hashed by the old key."""
    folder = tmp_path / "version"
    shutil.copytree(versions / "4", folder)
    change_manifest(folder, pii={"carrier": "hash"}, **{KEY_ID: key_id(OLD)})
    return folder


@pytest.mark.parametrize("data", [*FILES.values(), b"", None])
def test_a_version_without_personal_columns_needs_no_key(
    versions: Path, tmp_path: Path, data: bytes | None
) -> None:
    """Whatever is in the file, or whether it can be read."""
    path = tmp_path if data is None else write(tmp_path, data)
    assert load(versions / "4", MemoryLog(), pii_key_file=path).version == 1


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_version_serves_on_while_its_key_is_in_a_broken_file(
    personal: Path, tmp_path: Path, data: bytes
) -> None:
    """The line of a new key that is broken loses no version of an older one."""
    assert load(personal, MemoryLog(), pii_key_file=write(tmp_path, data)).version == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (OLD + b"\n\n  " + SECRET + b"\n", "11 bytes on line 3"),
        (SECRET + b"\n" + OLD, "11 bytes on line 1"),
    ],
)
def test_a_new_version_is_refused_by_file_and_line(tmp_path: Path, data: bytes, found: str) -> None:
    """The newest key may be the broken one; its text stands in no message."""
    path = write(tmp_path, data)
    for refused in (
        lambda keys: keys.newest(["carrier"]),
        lambda keys: keys.hashes(["carrier"], key=key_id(NEW)),
        lambda keys: keys.until(key_id(NEW)),
    ):
        with pytest.raises(BadParameter) as raised:
            refused(PersonalKeys.read(path))
        assert (raised.value.found, raised.value.where) == (found, str(path))
        assert SECRET.decode() not in f"{raised.value}{PersonalKeys.read(path)!r}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Once a key is needed."""
    with pytest.raises(BadParameter, match="cannot be read") as raised:
        PersonalKeys.read(tmp_path / "absent").newest(["carrier"])
    assert raised.value.where == str(tmp_path / "absent")
