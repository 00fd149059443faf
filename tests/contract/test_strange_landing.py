"""Strange entries of a landing area on a local disk: each is reported, and the rest is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.object_store import open_store
from slipway.records import landing_area
from slipway.records.store import Store


def _link_to_itself(folder: Path) -> None:
    (folder / "sym4.jsonl").symlink_to("sym4.jsonl")


def _link_to_an_ancestor(folder: Path) -> None:
    (folder / "up").symlink_to("../..")


def _link_to_the_root(folder: Path) -> None:
    (folder / "root").symlink_to("/")


def _links_to_each_other(folder: Path) -> None:
    for one, other in (("one", "other"), ("other", "one")):
        (folder / one).mkdir()
        (folder / one / "link").symlink_to(f"../{other}")


def _name_without_utf8(folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.jsonl"))).write_bytes(b"1")


def _folder_without_utf8(folder: Path) -> None:
    inside = Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff"))
    inside.mkdir()
    (inside / "b.csv").write_bytes(b"1")


def _named(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"1")


STRANGE = [
    (_name_without_utf8, r"features/bad\xff.jsonl has a name that is no UTF-8; rename it"),
    (_folder_without_utf8, r"features/bad\xff has a name that is no UTF-8; rename it"),
    (_named("a\tb.jsonl"), r"features/a\tb.jsonl has a tab, a line break or another control"),
    (_named("a\nb.jsonl"), r"features/a\nb.jsonl has a tab, a line break or another control"),
    (_named("a\x7fb.jsonl"), r"features/a\x7fb.jsonl has a tab, a line break or another control"),
    (_named("a.csv#1"), "features/a.csv#1 has a name that ends with # and a number; rename it"),
    (_named(f"{'x' * 240}.csv"), "has a name of 240 bytes, percent-encoded, without its suffix"),
    (_named(f"{'日' * 30}.csv"), "has a name of 270 bytes, percent-encoded"),
    (_link_to_itself, "features/sym4.jsonl is a link that leads to itself; remove it"),
    (_link_to_an_ancestor, "features/up is a link to a folder that holds it; remove it"),
    (_link_to_the_root, "features/root is a link to a folder that holds it; remove it"),
    (_links_to_each_other, "features/one/link/link is a link to a folder that holds it"),
    (lambda one: (one / "gone.csv").symlink_to("no/such"), "gone.csv is a link to nothing"),
    (lambda one: os.mkfifo(one / "pipe.csv"), "features/pipe.csv is no regular file"),
]


@pytest.fixture
def local_store(tmp_path: Path) -> Store:
    """A store on the local disk, with one sound delivery."""
    store = open_store(str(tmp_path / "store"))
    store.write("landing/flights/features/a.csv", b"rows")
    return store


def _features(store: Store) -> Path:
    return Path(store.root) / "landing/flights/features"


@pytest.mark.parametrize(("make", "said"), STRANGE)
def test_a_strange_entry_is_reported_and_the_rest_is_taken(
    local_store: Store, make: Callable[[Path], object], said: str
) -> None:
    """It stops neither the deliveries beside it nor the report about other datasets."""
    (before,) = landing_area.list_deliveries(local_store, "flights")
    make(_features(local_store))
    assert landing_area.list_deliveries(local_store, "flights") == [before]
    found = list(map(str, landing_area.list_undeliverable(local_store, "flights")))
    assert any(said in one for one in found)
    assert all(one.isprintable() for one in found)
    assert landing_area.list_unknown_datasets(local_store, {"flights"}) == []


@pytest.mark.parametrize("name", [".a\tb.csv", "_a\nb", "a\tb.csv.tmp"])
def test_strange_entries_that_are_none_on_purpose_are_left_alone(
    local_store: Store, name: str
) -> None:
    """Hidden and half-written ones are neither taken nor reported, as others of their kind."""
    (_features(local_store) / name).write_bytes(b"1")
    (_features(local_store) / ".#a.csv").symlink_to("somebody@somewhere.17")
    assert len(landing_area.list_deliveries(local_store, "flights")) == 1
    assert landing_area.list_undeliverable(local_store, "flights") == []


def test_what_may_not_be_read_is_reported(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file and a folder without the right to read them; the rest is taken."""
    folder = _features(local_store)
    (folder / "secret.csv").write_bytes(b"1")
    (folder / "lost+found").mkdir()
    _withhold(monkeypatch, file=folder / "secret.csv", folder=folder / "lost+found")
    (one,) = landing_area.list_deliveries(local_store, "flights")
    assert one.batch == "a"
    found = landing_area.list_undeliverable(local_store, "flights")
    assert [one.key.rpartition("/")[2] for one in found] == ["lost+found", "secret.csv"]
    assert all("cannot be read: permission denied; give the user" in str(one) for one in found)


def test_a_folder_of_parts_is_not_taken_without_one_of_them(local_store: Store) -> None:
    """A part that cannot be read keeps the whole folder out; a strange marker in it does not."""
    for name in ("b", "c"):
        local_store.write(f"landing/flights/features/{name}.parquet/part-0.parquet", b"1")
    (_features(local_store) / "b.parquet/part-1.parquet").symlink_to("gone")
    (_features(local_store) / "c.parquet/.part-1.crc").symlink_to("gone")
    batches = [one.batch for one in landing_area.list_deliveries(local_store, "flights")]
    assert batches == ["a", "c"]
    (found,) = landing_area.list_undeliverable(local_store, "flights")
    assert found.key.endswith("features/b.parquet/part-1.parquet")


def test_objects_of_any_store_are_surveyed(any_store: Store) -> None:
    """Where all can be read, a survey has what a listing has."""
    any_store.write("landing/flights/features/a.csv", b"1")
    any_store.write("landing/other/labels/b.csv", b"1")
    survey = any_store.survey("landing")
    assert (list(survey.entries), survey.unusable) == (any_store.list("landing"), ())
    assert any_store.survey("landing/none").entries == ()


def _withhold(monkeypatch: pytest.MonkeyPatch, *, file: Path, folder: Path) -> None:
    """Refuse to read, which no mode does to a superuser."""
    file.chmod(0)
    folder.chmod(0)
    access, scandir = os.access, os.scandir

    def may_access(path: str, mode: int) -> bool:
        return str(path) != str(file) and access(path, mode)

    def scan(path: str) -> Any:
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "access", may_access)
    monkeypatch.setattr(os, "scandir", scan)
