"""The contract of every store: on disk, in memory and on S3."""

from __future__ import annotations

import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import obstore
import pytest

from slipway.adapters.object_store import PIECE_BYTES, open_store
from slipway.errors import BadParameter, CommitConflict, NotFound, StoreUnavailable, Tampered
from slipway.records.store import Store, find_json, newest_number, read_json
from tests.support.racing import race

RACERS = 8


def test_reads_what_was_written(any_store: Store) -> None:
    """An object's bytes come back unchanged, also when empty."""
    any_store.write("a/b.bin", b"\x00\xff")
    any_store.write("a/empty", b"")
    assert any_store.read("a/b.bin") == b"\x00\xff"
    assert any_store.read("a/empty") == b""


@pytest.mark.parametrize("size", [0, 7, PIECE_BYTES, 2 * PIECE_BYTES + 1])
def test_files_are_copied_as_they_are(any_store: Store, tmp_path: Path, size: int) -> None:
    """A file's bytes come back, whether they fill no piece, one, or several."""
    given, copy = tmp_path / "given", tmp_path / "copy"
    given.write_bytes((b"0123456789" * (size // 10 + 1))[:size])
    any_store.write("a/b", b"older")
    any_store.upload(given, "a/b")
    any_store.download("a/b", copy)
    assert copy.read_bytes() == given.read_bytes() == any_store.read("a/b")


def test_what_is_not_there_is_not_downloaded(any_store: Store, tmp_path: Path) -> None:
    """The error names the key."""
    with pytest.raises(NotFound, match="no/such"):
        any_store.download("no/such", tmp_path / "copy")


def test_no_download_mixes_two_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is written again between two pieces is a conflict, which a retry can help."""
    store = open_store(str(tmp_path / "store"))
    store.write("a", bytes(2 * PIECE_BYTES))
    get = obstore.get

    def overwrite_then_get(*args: Any, **options: Any) -> Any:
        if options["options"]["range"][0]:
            store.write("a", bytes(2 * PIECE_BYTES + 1))
        return get(*args, **options)

    monkeypatch.setattr(obstore, "get", overwrite_then_get)
    with pytest.raises(CommitConflict, match="written again"):
        store.download("a", tmp_path / "copy")


def test_write_replaces_the_whole_object(any_store: Store) -> None:
    """A second write leaves nothing of the first."""
    any_store.write("a", b"a long first text")
    any_store.write("a", b"short")
    assert any_store.read("a") == b"short"


def test_what_is_not_there_is_not_found(any_store: Store) -> None:
    """Reads raise with the key; existence and JSON lookups do not; deleting is no error."""
    with pytest.raises(NotFound, match="no/such"):
        any_store.read("no/such")
    assert not any_store.exists("no/such")
    assert find_json(any_store, "no/such") is None
    any_store.delete("no/such")


def test_delete_removes(any_store: Store) -> None:
    """A deleted object is gone from reads and listings."""
    any_store.write("a/b", b"1")
    any_store.delete("a/b")
    assert not any_store.exists("a/b")
    assert any_store.list("a") == []


def test_create_happens_once(any_store: Store) -> None:
    """The second call returns False and changes nothing."""
    assert any_store.create("a/b", b"first")
    assert not any_store.create("a/b", b"second")
    assert any_store.read("a/b") == b"first"


def test_one_of_many_racing_creators_wins(any_store: Store) -> None:
    """Of many concurrent creators one succeeds, and its bytes are stored."""
    for lap in range(5):
        key = f"race/{lap}"
        texts = [f"racer {number}".encode() * 1000 for number in range(RACERS)]
        won = race([partial(any_store.create, key, text) for text in texts])
        assert sorted(map(str, won)) == ["False"] * (RACERS - 1) + ["True"]
        assert any_store.read(key) == texts[won.index(True)]


def test_one_of_many_racing_processes_wins(tmp_path: Path) -> None:
    """Processes that share a folder exclude one another as threads do."""
    open_store(str(tmp_path)).write("ready", b"")
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        won = pool.starmap(_create_all, [(str(tmp_path), number) for number in range(4)])
    assert [sum(lap) for lap in zip(*won, strict=True)] == [1] * 20


def _create_all(root: str, number: int) -> list[bool]:
    store = open_store(root)
    return [store.create(f"race/{lap}", str(number).encode()) for lap in range(20)]


def test_a_reader_never_sees_half_an_object(any_store: Store) -> None:
    """While an object is replaced again and again, every read finds one whole version."""
    versions = [bytes([letter]) * 200_000 for letter in b"abcd"]
    any_store.write("a", versions[0])

    def write() -> None:
        for version in versions * 5:
            any_store.write("a", version)

    def read() -> set[bytes]:
        return {any_store.read("a") for _ in range(20)}

    written, *seen = race([write, read, read])
    assert written is None
    assert set().union(*seen) <= set(versions)


def test_list_is_sorted_and_keeps_to_the_folder(any_store: Store) -> None:
    """All objects below a folder, in order, without its neighbours'."""
    keys = ["a/b/2", "a/b/10", "a/c", "ab/c", "a2"]
    for key in keys:
        any_store.write(key, b"1")
    assert [entry.key for entry in any_store.list("a")] == ["a/b/10", "a/b/2", "a/c"]
    assert any_store.list("nothing") == []


def test_list_pages_to_the_end(any_store: Store) -> None:
    """A folder larger than one page of S3 is listed whole."""
    keys = [f"many/{number:04d}" for number in range(1_050)]
    race([partial(_write_all, any_store, keys[start::4]) for start in range(4)])
    assert [entry.key for entry in any_store.list("many")] == keys


def _write_all(store: Store, keys: list[str]) -> None:
    for key in keys:
        store.write(key, b"")


def test_entries_tell_size_time_and_a_tag(any_store: Store) -> None:
    """A tag stays while an object is unchanged and changes with every write."""
    any_store.write("a/b", b"12345")
    (entry,) = any_store.list("a")
    assert (entry.key, entry.size) == ("a/b", 5)
    assert entry.modified.tzinfo is not None
    assert abs(entry.modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert any_store.list("a") == [entry]
    any_store.write("a/b", b"54321")
    assert any_store.list("a")[0].tag != entry.tag


@pytest.mark.parametrize(
    "name",
    ["flights 2013 (copy).csv", "100%.csv", "é.csv", "a+b=c,d@e~f#g.csv", "2013T00:00+00:00"],
)
def test_odd_names_come_back_as_they_are(any_store: Store, name: str) -> None:
    """File names keep every character."""
    any_store.write(f"landing/{name}", b"1")
    assert [entry.key for entry in any_store.list("landing")] == [f"landing/{name}"]
    assert any_store.read(f"landing/{name}") == b"1"


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "a//b"])
def test_no_key_leads_out_of_the_store(any_store: Store, key: str) -> None:
    """A key with an empty part or `..` is refused."""
    with pytest.raises(BadParameter, match="cannot be a key"):
        any_store.write(key, b"1")


def test_json_that_is_none_has_been_tampered_with(any_store: Store) -> None:
    """An object that should be JSON and is not raises `Tampered` with its key."""
    any_store.write("a.json", b"{")
    with pytest.raises(Tampered, match=r"a\.json"):
        read_json(any_store, "a.json")


def test_newest_number_counts_whole_objects_only(any_store: Store) -> None:
    """Objects beside the numbered ones do not count."""
    assert newest_number(any_store, "ledger/x") == 0
    for name in ("00000002.json", "00000001.json", "00000003.mark.json", "x.json"):
        any_store.write(f"ledger/x/{name}", b"{}")
    assert newest_number(any_store, "ledger/x") == 2


def test_uri_is_what_other_tools_open(tmp_path: Path) -> None:
    """On disk an object's URI is its path, in any spelling of the root."""
    store = open_store(os.path.relpath(tmp_path))
    store.write("a/b", b"1")
    assert Path(store.uri("a/b")).read_bytes() == b"1"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """As in an image without a store setting, where the disk is read-only."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be created") as caught:
        open_store(str(tmp_path / "file" / "store"))
    assert caught.value.where == str(tmp_path / "file" / "store")
    assert "SLIPWAY_STORE" in str(caught.value)


def test_two_stores_on_one_bucket_do_not_meet(s3_store: str) -> None:
    """A prefix keeps a store apart from its neighbours in the bucket."""
    open_store(f"{s3_store}/one").write("a", b"1")
    assert not open_store(f"{s3_store}/two").exists("a")
    assert open_store(f"{s3_store}/one").uri("a") == f"{s3_store}/one/a"


@pytest.mark.parametrize("root", ["gs://bucket/prefix", "s3://"])
def test_an_unknown_kind_of_root_is_refused(root: str) -> None:
    """Only folders and S3 are stores."""
    with pytest.raises(BadParameter, match="cannot open a store"):
        open_store(root)


def test_a_dead_store_is_unavailable(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every method raises `StoreUnavailable` for a refused connection."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = open_store(s3_store)
    calls = {
        "read": partial(store.read, "a"),
        "write": partial(store.write, "a", b""),
        "create": partial(store.create, "a", b""),
        "exists": partial(store.exists, "a"),
        "list": partial(store.list, "a"),
        "delete": partial(store.delete, "a"),
    }
    results = dict(zip(calls, race(list(calls.values())), strict=True))
    assert {name: type(result) for name, result in results.items()} == dict.fromkeys(
        calls, StoreUnavailable
    )


def test_a_bucket_that_is_not_there_is_unavailable(s3_store: str) -> None:
    """A missing bucket is an error, not an empty store."""
    assert s3_store
    store = open_store("s3://slipway-no-such-bucket/x")
    for call in (partial(store.list, "a"), partial(store.create, "a", b"")):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """Errors of the disk raise `StoreUnavailable` too."""
    store = open_store(str(tmp_path))
    store.write("a", b"a file, not a folder")
    with pytest.raises(StoreUnavailable, match="could not write a/b"):
        store.write("a/b", b"1")


def test_a_forked_child_raises_instead_of_hanging(tmp_path: Path) -> None:
    """The store's threads do not survive a fork; the error asks for a fresh process."""
    store = open_store(str(tmp_path))
    store.write("a", b"1")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.read("a")
        except StoreUnavailable as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert b"before the fork" in os.read(reader, 1000)
