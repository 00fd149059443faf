"""Links in a landing area: those that stay inside are followed, others are reported."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.errors import CommitConflict
from slipway.records.landing_area import list_deliveries, list_undeliverable
from slipway.records.store import Store
from slipway.wiring.proposed_delivery import proposed_delivery

OUT = "is a link that leads out of the landing area; deliver the file itself, or name its folder"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store on the local disk, with one sound delivery."""
    store = open_store(str(tmp_path / "store"))
    store.write("landing/flights/features/a.csv", b"rows")
    return store


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is no part of the landing area, with a file."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.csv").write_bytes(b"secret")
    return folder


def features(store: Store) -> Path:
    """Folder of the features."""
    return Path(store.root) / "landing/flights/features"


def batches(store: Store) -> list[str]:
    """Batches that can be ingested."""
    return [one.batch for one in list_deliveries(store, "flights")]


def test_a_link_inside_the_landing_area_is_followed(store: Store, tmp_path: Path) -> None:
    """It is a delivery as what it points to is, and is copied as such."""
    (Path(store.root) / "landing/shelf").mkdir()
    (Path(store.root) / "landing/shelf/one.csv").write_bytes(b"1")
    (features(store) / "b.csv").symlink_to("../../shelf/one.csv")
    assert batches(store) == ["a", "b"]
    store.download("landing/flights/features/b.csv", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"1"


@pytest.mark.parametrize("target", ["secret.csv", ""])
def test_a_link_that_leads_out_is_reported(store: Store, outside: Path, target: str) -> None:
    """Neither a file nor a folder elsewhere is a delivery; the rest is taken."""
    (features(store) / "b.csv").symlink_to(outside / target)
    assert batches(store) == ["a"]
    (found,) = list_undeliverable(store, "flights")
    assert str(found).startswith(f"landing/flights/features/b.csv {OUT}")


def test_a_part_that_leads_out_keeps_its_folder_out(store: Store, outside: Path) -> None:
    """A folder of parts is not taken without one of them."""
    store.write("landing/flights/features/b.parquet/part-0.parquet", b"1")
    (features(store) / "b.parquet/part-1.parquet").symlink_to(outside / "secret.csv")
    assert batches(store) == ["a"]


def test_a_folder_of_the_area_that_leads_out_is_reported(store: Store, outside: Path) -> None:
    """Also where the dataset's own folder is the link."""
    (Path(store.root) / "landing/other").symlink_to(outside)
    assert list_deliveries(store, "other") == []
    (found,) = list_undeliverable(store, "other")
    assert found.key == "landing/other"


def test_the_landing_area_may_be_a_link(tmp_path: Path, outside: Path) -> None:
    """As where a team links it to a mount."""
    (outside / "flights/features").mkdir(parents=True)
    (outside / "flights/features/b.csv").write_bytes(b"1")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/landing").symlink_to(outside)
    store = open_store(str(tmp_path / "store"))
    assert batches(store) == ["b"]
    store.download("landing/flights/features/b.csv", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"1"


def test_a_named_folder_may_be_linked_to(
    store: Store, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name alone allows nothing: `outside-too` is another folder."""
    (tmp_path / "outside-too").mkdir()
    (tmp_path / "outside-too/x.csv").write_bytes(b"1")
    (features(store) / "b.csv").symlink_to(outside / "secret.csv")
    (features(store) / "c.csv").symlink_to(tmp_path / "outside-too/x.csv")
    monkeypatch.setenv("SLIPWAY_DELIVERY_LINK_FOLDERS", f"/nowhere:{outside}")
    assert batches(store) == ["a", "b"]
    store.download("landing/flights/features/b.csv", tmp_path / "copy")


@pytest.mark.parametrize("entry", ["file", "folder", "pipe"])
def test_what_is_replaced_after_the_listing_is_not_read(
    store: Store, outside: Path, tmp_path: Path, entry: str
) -> None:
    """What was opened is looked at, not its name: nothing lies between check and opening."""
    here, key = features(store) / "a.csv", "landing/flights/features/a.csv"
    here.unlink()
    if entry == "file":
        here.symlink_to(outside / "secret.csv")
    elif entry == "pipe":
        os.mkfifo(here)
    else:
        here.parent.rmdir()
        here.parent.symlink_to(outside)
        (outside / "secret.csv").rename(outside / "a.csv")
    with pytest.raises(CommitConflict, match="was replaced while it was read"):
        store.download(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


def test_a_link_that_is_exchanged_all_the_time_is_never_followed(
    store: Store, outside: Path, tmp_path: Path
) -> None:
    """Of a thousand copies, each is of the file inside or refused."""
    here, shelf = features(store) / "a.csv", features(store) / "_shelf.csv"
    shelf.write_bytes(b"rows")
    done = threading.Event()

    def exchange() -> None:
        while not done.is_set():
            for target in (outside / "secret.csv", shelf):
                draft = here.with_name("_draft")
                draft.symlink_to(target)
                draft.replace(here)

    thread = threading.Thread(target=exchange)
    thread.start()
    read, refused = set(), 0
    try:
        for _ in range(1000):
            try:
                store.download("landing/flights/features/a.csv", tmp_path / "copy")
                read.add((tmp_path / "copy").read_bytes())
            except CommitConflict:
                refused += 1
    finally:
        done.set()
        thread.join()
    assert read <= {b"rows"}
    assert refused > 0


def test_a_copy_of_a_delivery_is_private(store: Store, tmp_path: Path) -> None:
    """Only the user that ingests can read it, whatever the umask is."""
    before = os.umask(0)
    try:
        store.download("landing/flights/features/a.csv", tmp_path / "copy")
        store.write("other/a.csv", b"1")
        store.download("other/a.csv", tmp_path / "other")
    finally:
        os.umask(before)
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir() if one.is_file()} == {0o600}


def test_a_file_that_its_user_names_is_delivered_from_anywhere(outside: Path) -> None:
    """`slipway deliver` and `slipway try` judge it by a link in a landing area of their own."""
    with proposed_delivery(outside / "secret.csv") as proposed:
        assert (proposed.batch, proposed.path.read_bytes()) == ("secret", b"secret")
