"""The arrival registry, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from slipway.records import arrivals, landing_area
from slipway.records.landing_area import Delivery
from slipway.records.store import Entry, Store
from tests.fakes.memory_store import MemoryStore
from tests.support.racing import race


def _land(store: Store, name: str, data: bytes = b"rows") -> None:
    store.write(f"landing/flights/{name}", data)


def _waiting(store: Store) -> list[Delivery]:
    return arrivals.waiting(store, "flights", landing_area.list_deliveries(store, "flights"))


def _handle(
    store: Store, delivery: Delivery, *, revision: int = 1, action: str = "ingested"
) -> bool:
    return arrivals.register(
        store, delivery, revision=revision, sha256="0" * 64, action=action, note={"rows": 1}
    )


def test_landed_are_the_deliveries_in_the_order_to_handle_them(any_store: Store) -> None:
    """By batch, and a batch's features before its labels."""
    for name in ("labels/2013-01.parquet", "features/2013-02.csv", "features/2013-01.parquet"):
        _land(any_store, name)
    found = [
        (one.batch, one.stream, one.suffix)
        for one in landing_area.list_deliveries(any_store, "flights")
    ]
    assert found == [
        ("2013-01", "features", ".parquet"),
        ("2013-01", "labels", ".parquet"),
        ("2013-02", "features", ".csv"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "features/_SUCCESS",
        "features/_2013-01.parquet",
        "features/.2013-01.parquet",
        "features/.2013-01.parquet.crc",
        "features/2013-01.parquet.tmp",
        "features/2013-01.csv._COPYING_",
        "features/~2013-01.csv",
        "features/2013-01.csv.md5",
        "features/2013-01.parquet/_committed_17",
        "features/.Trash/2013-01.csv",
        "_checkpoints/2013-01.csv",
        ".DS_Store",
    ],
)
def test_what_is_no_delivery_on_purpose_is_left_alone(name: str) -> None:
    """Markers, hidden and temporary files are neither listed nor reported."""
    store = MemoryStore()
    _land(store, name)
    assert landing_area.list_deliveries(store, "flights") == []
    assert landing_area.list_undeliverable(store, "flights") == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2013-01.parquet", "lies beside the streams; move it into features or labels"),
        ("Features/a.csv", "lies in Features, which is no stream; did you mean features?"),
        ("other/a.csv", "lies in other, which is no stream; the streams are features and labels"),
        ("features/readme.txt", "is of no format that is read; name it `….csv`"),
        ("features/a.XLSX", "is of no format that is read; save the sheet as CSV"),
        ("features/a.csv.zip", "is of no format that is read; unpack it"),
        ("features/a.json", "is of no format that is read; write one object on each line"),
        ("features/a", "is of no format that is read; deliveries end with .parquet"),
        ("features/2013/01.parquet", "is a folder of Parquet files; give the folder's name"),
        ("features/2013/01.csv", "is a folder with files that are no Parquet"),
        ("features/a.parquet/day=1/part-0.parquet", "holds folders of its own"),
        ("features/a.parquet/_temporary/0/part-0.parquet", "is being written"),
        ("features/a.parquet/_SUCCESS", "holds no part"),
        ("features/a.parquet/_delta_log/00000.json", "is a table with versions of its own"),
    ],
)
def test_what_cannot_be_a_delivery_is_reported(name: str, said: str) -> None:
    """Case 26: with its reason and what would make it one."""
    store = MemoryStore()
    _land(store, name)
    assert landing_area.list_deliveries(store, "flights") == []
    (found,) = landing_area.list_undeliverable(store, "flights")
    assert said in str(found)
    assert str(found).startswith("landing/flights/")


@pytest.mark.parametrize(
    ("name", "batch", "suffix"),
    [
        ("a.CSV", "a", ".csv"),
        ("a.Parquet", "a", ".parquet"),
        ("2024.01.csv.gz", "2024.01", ".csv.gz"),
        ("a.pq", "a", ".pq"),
        ("a.TSV.GZ", "a", ".tsv.gz"),
        ("a.jsonl", "a", ".jsonl"),
        ("a.ndjson.gz", "a", ".ndjson.gz"),
    ],
)
def test_suffixes_of_every_format_and_case_are_taken(name: str, batch: str, suffix: str) -> None:
    """Case 26: the batch is the name without its whole suffix."""
    store = MemoryStore()
    _land(store, f"features/{name}")
    (found,) = landing_area.list_deliveries(store, "flights")
    assert (found.batch, found.suffix) == (batch, suffix)
    assert landing_area.list_undeliverable(store, "flights") == []


def test_empty_objects_that_stand_for_folders_are_ignored() -> None:
    """Writers and consoles of S3 make them, also beside the parts of a folder."""

    class Marked(MemoryStore):
        def list(self, prefix: str) -> list[Entry]:
            marker = Entry(prefix, 0, datetime(2013, 1, 1, tzinfo=UTC), "")
            return [marker, *super().list(prefix)]

    store = Marked()
    for name in ("features", "other", "features/2013", "labels/a_$folder$", "features/b.parquet"):
        _land(store, name, b"")
    _land(store, "features/b.parquet/part-0.parquet")
    assert landing_area.list_undeliverable(store, "flights") == []
    (found,) = landing_area.list_deliveries(store, "flights")
    assert found.parts == ("landing/flights/features/b.parquet/part-0.parquet",)
    assert landing_area.list_unknown_datasets(store, {"flights"}) == []


def test_folders_of_no_dataset_are_listed(any_store: Store) -> None:
    """Case 26: a misspelt dataset is not passed over in silence; hidden files are."""
    for name in ("flights/features/a.csv", "flihgts/features/a.csv", "b.csv", ".x/a.csv"):
        any_store.write(f"landing/{name}", b"1")
    assert landing_area.list_unknown_datasets(any_store, {"flights"}) == ["b.csv", "flihgts"]


def test_a_folder_of_parts_is_one_delivery(any_store: Store) -> None:
    """Case 26: as Spark writes it; markers and checksums beside the parts do not count."""
    parts = ("part-00000-c000.snappy.parquet", "part-00001-c000.snappy.parquet")
    for name in (*parts, f".{parts[0]}.crc", "_metadata"):
        _land(any_store, f"features/2024-11.parquet/{name}")
    (found,) = landing_area.list_deliveries(any_store, "flights")
    assert (found.batch, found.suffix, found.size) == ("2024-11", ".parquet", 8)
    assert [key.rpartition("/")[2] for key in found.parts] == list(parts)
    _land(any_store, "features/2024-11.parquet/part-00002.parquet")
    (more,) = landing_area.list_deliveries(any_store, "flights")
    assert more.tag12 != found.tag12


def test_a_folder_is_complete_when_it_is_marked_or_has_rested() -> None:
    """Case 26: `_SUCCESS` is written last; without it the parts settle as files do."""
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    store = MemoryStore(clock=lambda: moment)
    _land(store, "features/a.parquet/part-0.parquet")
    listing = landing_area.list_deliveries(store, "flights")
    assert landing_area.settled(listing, settle_seconds=2, now=moment) == []
    later = moment + timedelta(seconds=2)
    assert landing_area.settled(listing, settle_seconds=2, now=later) == listing
    _land(store, "features/a.parquet/_SUCCESS")
    listing = landing_area.list_deliveries(store, "flights")
    assert landing_area.settled(listing, settle_seconds=2, now=moment) == listing


def test_files_of_datasets_with_similar_names_stay_apart(any_store: Store) -> None:
    """A name that is another name's prefix lists its own files only."""
    any_store.write("landing/flights2/features/2013-01.csv", b"1")
    assert landing_area.list_deliveries(any_store, "flights") == []


def test_what_is_registered_waits_no_longer(any_store: Store) -> None:
    """Waiting files are landed minus registered ones, whatever the action."""
    for name in ("features/a.csv", "features/b.csv", "labels/a.csv"):
        _land(any_store, name)
    first, second, third = _waiting(any_store)
    assert _handle(any_store, first)
    assert _handle(any_store, third, action="blocked")
    assert _waiting(any_store) == [second]


def test_waiting_reads_no_object() -> None:
    """Two listings are enough; no object is read."""

    class Unreadable(MemoryStore):
        def read(self, key: str) -> bytes:
            raise AssertionError(key)

    store = Unreadable()
    _land(store, "features/a.csv")
    _handle(store, _waiting(store)[0])
    _land(store, "features/b.csv")
    assert [one.batch for one in _waiting(store)] == ["b"]


def test_a_file_written_again_waits_again(any_store: Store) -> None:
    """A re-delivery waits, changed or not; its digest tells which it is."""
    _land(any_store, "features/a.csv", b"one")
    (first,) = _waiting(any_store)
    _handle(any_store, first)
    _land(any_store, "features/a.csv", b"two")
    (second,) = _waiting(any_store)
    assert (second.batch, second.key) == (first.batch, first.key)
    assert second.tag12 != first.tag12
    _handle(any_store, second, revision=2, action="revised")
    assert _waiting(any_store) == []


def test_a_delivery_is_registered_once(any_store: Store) -> None:
    """The second registration of the same state of a file changes nothing."""
    _land(any_store, "features/a.csv")
    (delivery,) = landing_area.list_deliveries(any_store, "flights")
    assert arrivals.find_registration(any_store, delivery) is None
    assert _handle(any_store, delivery)
    assert not _handle(any_store, delivery, revision=2, action="revised")
    found = arrivals.find_registration(any_store, delivery)
    assert found is not None
    assert (found.revision, found.action, found.note) == (1, "ingested", {"rows": 1})


def test_one_of_racing_registrations_wins(any_store: Store) -> None:
    """Many runs that handle the same delivery at once register it once."""
    _land(any_store, "features/a.csv")
    (delivery,) = landing_area.list_deliveries(any_store, "flights")
    assert sorted(map(str, race([partial(_handle, any_store, delivery)] * 6))) == [
        *["False"] * 5,
        "True",
    ]


def test_history_is_the_newest_revision(any_store: Store) -> None:
    """A duplicate does not hide the verdict on the revision that it repeats."""
    assert arrivals.newest_registration(any_store, "flights", "features", "a") is None
    states = []
    for text, revision, action in (
        (b"one", 1, "ingested"),
        (b"two!", 2, "blocked"),
        (b"two!!", 2, "duplicate"),
    ):
        _land(any_store, "features/a.csv", text)
        (delivery,) = _waiting(any_store)
        _handle(any_store, delivery, revision=revision, action=action)
        newest = arrivals.newest_registration(any_store, "flights", "features", "a")
        assert newest is not None
        states.append((newest.revision, newest.action))
    assert states == [(1, "ingested"), (2, "blocked"), (2, "blocked")]


def test_the_fingerprint_changes_with_the_listing(any_store: Store) -> None:
    """Equal listings have equal fingerprints; a new or rewritten file changes it."""
    seen = set()
    for name, text in (("a", b"1"), ("b", b"1"), ("b", b"22")):
        _land(any_store, f"features/{name}.csv", text)
        listing = landing_area.list_deliveries(any_store, "flights")
        assert landing_area.fingerprint(listing) == landing_area.fingerprint(list(listing))
        seen.add(landing_area.fingerprint(listing))
    assert len(seen) == 3


def test_the_acknowledged_fingerprint_is_the_last_one(any_store: Store) -> None:
    """A new acknowledgement replaces the last one and registers no delivery."""
    assert arrivals.acknowledged(any_store, "flights") is None
    arrivals.acknowledge(any_store, "flights", "one")
    arrivals.acknowledge(any_store, "flights", "two")
    assert arrivals.acknowledged(any_store, "flights") == "two"
    assert _waiting(any_store) == []


def test_a_file_settles_when_it_has_rested() -> None:
    """A file that may still be written to waits for a later run."""
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    store = MemoryStore(clock=lambda: moment)
    _land(store, "features/a.csv")
    listing = landing_area.list_deliveries(store, "flights")
    rests = {
        seconds: landing_area.settled(
            listing, settle_seconds=2, now=moment + timedelta(seconds=seconds)
        )
        for seconds in (0, 1.9, 2, 60)
    }
    assert rests == {0: [], 1.9: [], 2: listing, 60: listing}
