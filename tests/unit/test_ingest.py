"""Ingestion: each delivery is handled once, in order, and nothing is lost on the way."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.quarantine import pack_rows
from slipway.adapters.sources.files import LandedFiles
from slipway.adapters.sources.parquet_and_csv import read_delivery
from slipway.errors import BadParameter, CommitConflict, NotFound, SpecError, Superseded
from slipway.records import arrivals, landing_area, ledger
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec
from slipway.stages.ingest.ingest import Claim, acknowledge, claim, ingest
from slipway.stages.ingest.publish import BEFORE_ANY_FEATURE
from tests.fakes.kill_points import Fuse, Killed, MortalStore, MortalTables
from tests.fakes.plain_suites import BETWEEN, MEAN, PlainSuites

FAR = {"expect": BETWEEN, "kwargs": {"column": "miles", "max_value": 12500}}
SHARE = {"expect": MEAN, "kwargs": {"column": "late", "max_value": 0.6}}


def _spec(**changes: Any) -> DatasetSpec:
    features = {
        "id": {"type": "string", "nullable": False},
        "at": {"type": "timestamp", "nullable": False},
        "miles": {"type": "number"},
    }
    labels = {"id": {"type": "string", "nullable": False}, "late": {"type": "integer"}}
    return DatasetSpec.model_validate(
        {
            "dataset": "flights",
            "key": "id",
            "event_time": "at",
            "arrival": {"settle_seconds": 0},
            "streams": {
                "features": {"columns": features, "quarantine_max_share": 0.5},
                "labels": {"columns": labels},
            },
            "expectations": {"features": [FAR], "labels": [SHARE]},
            **changes,
        }
    )


def _features(day: int, miles: tuple[float | str, ...] = (100, 200, 300), **more: Any) -> bytes:
    frame = pd.DataFrame(
        {
            "id": [f"f{day}-{row}" for row in range(len(miles))],
            "at": [f"2013-01-{day:02d}T{row:02d}:00:00Z" for row in range(len(miles))],
            "miles": list(miles),
            **more,
        }
    )
    return frame.to_csv(index=False).encode()


def _labels(day: int, late: tuple[int, ...] = (0, 1, 0)) -> bytes:
    frame = pd.DataFrame({"id": [f"f{day}-{row}" for row in range(len(late))], "late": late})
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


@dataclass
class House:
    """One dataset with its landing area, and everything that ingest works with."""

    spec: DatasetSpec = field(default_factory=_spec)
    store: MortalStore = field(default_factory=MortalStore)
    tables: MortalTables = field(init=False)
    source: LandedFiles = field(init=False)

    def __post_init__(self) -> None:
        self.tables = MortalTables(self.store)
        self.source = LandedFiles(self.store)

    def land(self, name: str, data: bytes) -> str:
        """Put a file into the landing area; its key."""
        key = f"landing/flights/{name}"
        self.store.write(key, data)
        return key

    def claim(self, batch: str | None = None) -> Claim:
        """What waits now."""
        return claim(self.spec, source=self.source, store=self.store, batch=batch)

    def ingest(self, delivery: dict[str, str]) -> RunRecord:
        """One claimed delivery, ingested."""
        return ingest(
            self.spec,
            stream=delivery["stream"],  # type: ignore[arg-type]
            batch=delivery["batch"],
            file=delivery["file"],
            context=RunContext(self.store, {"by": "test"}),
            source=self.source,
            tables=self.tables,
            pack=pack_rows,
            suites=PlainSuites(),
        )

    def run(self, batch: str | None = None) -> list[Verdict]:
        """What the DAG does: claim, ingest one by one, acknowledge."""
        claimed = self.claim(batch)
        verdicts = [self.ingest(dict(one)).verdict for one in claimed.deliveries]
        acknowledge(
            self.spec, source=self.source, store=self.store, fingerprint=claimed.fingerprint
        )
        return verdicts

    def deliver(self, name: str, data: bytes) -> Verdict:
        """Land one file and run; its verdict."""
        self.land(name, data)
        (verdict,) = self.run()
        return verdict

    @property
    def rings(self) -> bool:
        """Whether the bell finds what nobody acknowledged."""
        landed = landing_area.fingerprint(landing_area.list_deliveries(self.store, "flights"))
        return arrivals.acknowledged(self.store, "flights") != landed

    def rows(self, stream: str = "features") -> dict[str, Any]:
        """Value by key: miles, or late."""
        frame = self.tables.read(f"flights/{stream}")
        return dict(
            zip(frame["id"], frame["miles" if stream == "features" else "late"], strict=True)
        )

    def packed(self, uri: str) -> pd.DataFrame:
        """Rows of a quarantine file."""
        data = self.store.read(uri.removeprefix(f"{self.store.root}/"))
        return read_delivery(data, ".parquet")


@pytest.fixture
def house() -> House:
    """A dataset into which nothing has been delivered."""
    return House()


def test_what_waits_is_claimed_in_order(house: House) -> None:
    """By batch, features before labels; a claim is small and plain."""
    house.land("labels/b1.parquet", _labels(1))
    house.land("features/b2.csv", _features(2))
    house.land("features/b1.csv", _features(1))
    claimed = json.loads(json.dumps(house.claim().to_json()))
    assert [(one["batch"], one["stream"]) for one in claimed["deliveries"]] == [
        ("b1", "features"),
        ("b1", "labels"),
        ("b2", "features"),
    ]
    assert claimed["deliveries"][0]["file"] == "landing/flights/features/b1.csv"


def test_several_files_at_once_are_ingested_once_each(house: House) -> None:
    """A second run finds nothing, and the bell is silent."""
    for day in (1, 2, 3):
        house.land(f"features/b{day}.csv", _features(day))
    assert [one.action for one in house.run()] == ["ingested"] * 3
    assert not house.rings
    assert house.run() == []
    assert len(house.rows()) == 9


def test_a_file_that_has_not_settled_is_left_to_the_next_bell(house: House) -> None:
    """And what was handled beside it is not acknowledged as everything."""
    house = House(_spec(arrival={"settle_seconds": 60}))
    house.land("features/b1.csv", _features(1))
    assert house.run() == []
    assert house.rings
    later = datetime.now(UTC) + timedelta(seconds=61)
    claimed = claim(house.spec, source=house.source, store=house.store, now=later)
    assert len(claimed.deliveries) == 1


def test_a_file_that_lands_during_a_run_rings_again(house: House) -> None:
    """It is neither lost nor acknowledged by the run that did not see it."""
    house.land("features/b1.csv", _features(1))
    claimed = house.claim()
    house.land("features/b2.csv", _features(2))
    house.ingest(dict(claimed.deliveries[0]))
    fingerprint = claimed.fingerprint
    assert not acknowledge(
        house.spec, source=house.source, store=house.store, fingerprint=fingerprint
    )
    assert house.rings
    assert [one.action for one in house.run()] == ["ingested"]
    assert not house.rings


def test_one_batch_alone_can_be_asked_for(house: House) -> None:
    """The others go on waiting, and the bell goes on ringing for them."""
    house.land("features/b1.csv", _features(1))
    house.land("features/b2.csv", _features(2))
    assert len(house.run("b2")) == 1
    assert house.rings
    assert len(house.run()) == 1
    assert not house.rings
    assert house.run("b2") == []


def test_an_unknown_batch_is_refused_with_the_nearest_name(house: House) -> None:
    """A person sees at once what was meant."""
    house.land("features/2013-05.csv", _features(1))
    with pytest.raises(BadParameter, match="no file of batch '2013-5'") as error:
        house.claim("2013-5")
    assert error.value.hint == "did you mean '2013-05'?"


def test_an_unhandled_file_is_never_acknowledged(house: House) -> None:
    """Whatever became of the tasks before: the registry decides."""
    house.land("features/b1.csv", _features(1))
    fingerprint = house.claim().fingerprint
    assert not acknowledge(
        house.spec, source=house.source, store=house.store, fingerprint=fingerprint
    )


def test_good_rows_become_one_commit_with_their_origin(house: House) -> None:
    """System columns say which revision it is and when the event clock saw it."""
    verdict = house.deliver("features/b1.csv", _features(1))
    assert verdict.action == "ingested"
    assert verdict.reason == (
        "3 of 3 rows of features b1 are in version 1 of the table; none was bad."
    )
    assert verdict.numbers["table_version"] == house.tables.version("flights/features")
    rows = house.tables.read("flights/features")
    assert set(rows["_batch"]) == {"b1"}
    assert set(rows["_revision"]) == {1}
    assert set(rows["_available_at"]) == {pd.Timestamp("2013-01-01T02:00:00Z")}


def test_labels_become_available_when_the_event_clock_says(house: House) -> None:
    """The newest event time among the features published by then; ever, when there was none."""
    house.deliver("labels/b0.parquet", _labels(0))
    house.deliver("features/b1.csv", _features(1))
    house.deliver("features/b2.csv", _features(2))
    house.deliver("labels/b1.parquet", _labels(1))
    rows = house.tables.read("flights/labels").drop_duplicates("_batch").set_index("_batch")
    assert rows["_available_at"]["b0"] == BEFORE_ANY_FEATURE
    assert rows["_available_at"]["b1"] == pd.Timestamp("2013-01-02T02:00:00Z")


def test_bad_rows_go_to_quarantine_as_they_were_delivered(house: House) -> None:
    """With their reasons; the good ones are published."""
    verdict = house.deliver("features/b1.csv", _features(1, miles=(100, "far", 99999, 1, 2)))
    assert verdict.action == "ingested"
    assert (verdict.numbers["quarantined"], verdict.numbers["quarantined_share"]) == (2, 0.4)
    bad = house.packed(verdict.evidence["quarantine"])
    assert dict(zip(bad["miles"], bad["_reason"], strict=True)) == {
        "far": "miles is not of type number",
        "99999": f"{BETWEEN} of miles",
    }
    assert sorted(house.rows()) == ["f1-0", "f1-3", "f1-4"]
    assert verdict.evidence["quarantine"].endswith("quarantine/flights/features/b1/r0001.parquet")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("features/b1.parquet", _labels(1)[:-30], "cannot be read as Parquet"),
        ("features/b1.parquet", b"", "is empty"),
        ("features/b1.csv", b"id,at,miles\n", "holds no rows"),
        ("features/b1.csv", b"id,miles\nf1,2\n", "lacks column at"),
        ("features/b1.csv", _features(1, miles=("x", "y", 3)), "2 of 3 rows are bad"),
        ("labels/b1.parquet", _labels(1, late=(1, 1, 1)), f"{MEAN} of late (observed 1) failed"),
    ],
    ids=["truncated", "empty-file", "no-rows", "missing-column", "too-many-bad", "batch-level"],
)
def test_a_batch_that_may_not_enter_is_blocked_kept_and_acknowledged(
    house: House, name: str, data: bytes, said: str
) -> None:
    """The raw file is in quarantine, the verdict says why, the bell is silent."""
    verdict = house.deliver(name, data)
    assert verdict.action == "blocked"
    assert said in verdict.reason
    assert verdict.reason.endswith("nothing of it is published.")
    raw = verdict.evidence["blocked"].removeprefix(f"{house.store.root}/")
    assert house.store.read(raw) == data
    assert house.tables.version(f"flights/{name.partition('/')[0]}") is None
    assert not house.rings


def test_a_blocked_revision_leaves_the_earlier_one_live(house: House) -> None:
    """A correction that is worse than what it corrects changes nothing."""
    house.deliver("features/b1.csv", _features(1))
    verdict = house.deliver("features/b1.csv", b"nonsense")
    assert verdict.action == "blocked"
    assert verdict.reason.endswith("revision 1 stays live.")
    assert (verdict.numbers["revision"], verdict.numbers["live_revision"]) == (2, 1)
    assert len(house.rows()) == 3
    corrected = house.deliver("features/b1.csv", _features(1, miles=(7,)))
    assert corrected.action == "revised"
    assert "revision 3 replaces revision 1" in corrected.reason


def test_a_batch_that_the_table_cannot_take_is_blocked(house: House) -> None:
    """A column whose declared type changed after the table was made lets the next batch be seen."""
    house.deliver("features/b1.csv", _features(1))
    declared = house.spec.model_dump()
    declared["streams"]["features"]["columns"]["miles"]["type"] = "string"
    house.spec = DatasetSpec.model_validate({**declared, "expectations": {}})
    data = _features(2)
    verdict = house.deliver("features/b2.csv", data)
    assert verdict.action == "blocked"
    assert "column miles has another type than in the table" in verdict.reason
    assert (verdict.numbers["rows"], verdict.numbers["live_revision"]) == (3, None)
    raw = verdict.evidence["blocked"].removeprefix(f"{house.store.root}/")
    assert house.store.read(raw) == data
    assert house.tables.version("flights/features") == 1
    assert not house.rings


def test_a_blocked_batch_delivered_again_is_tried_again(house: House) -> None:
    """The expectations may have been mended meanwhile."""
    data = _labels(1, late=(1, 1, 1))
    assert house.deliver("labels/b1.parquet", data).action == "blocked"
    house.spec = _spec(expectations={})
    verdict = house.deliver("labels/b1.parquet", data)
    assert (verdict.action, verdict.numbers["revision"]) == ("ingested", 2)


def test_a_file_delivered_again_without_a_change_is_a_no_op(house: House) -> None:
    """The table's version stays, and the delivery is registered as a duplicate."""
    house.deliver("features/b1.csv", _features(1))
    for _ in range(2):
        verdict = house.deliver("features/b1.csv", _features(1))
        assert (verdict.action, verdict.numbers["revision"]) == ("duplicate", 1)
    assert house.tables.version("flights/features") == 1
    assert not house.rings


def test_a_changed_delivery_replaces_the_batch(house: House) -> None:
    """It is the next revision, and the reason says so; no row of the old one is left."""
    house.deliver("features/b1.csv", _features(1))
    verdict = house.deliver("features/b1.csv", _features(1, miles=(7, 8)))
    assert (verdict.action, verdict.numbers["revision"]) == ("revised", 2)
    assert "revision 2 replaces revision 1" in verdict.reason
    assert house.rows() == {"f1-0": 7.0, "f1-1": 8.0}


def test_a_batch_out_of_order_is_ingested_and_flagged(house: House) -> None:
    """A revision of an old batch is not out of order."""
    assert house.deliver("features/b2.csv", _features(2)).numbers["out_of_order"] is False
    verdict = house.deliver("features/b1.csv", _features(1))
    assert verdict.numbers["out_of_order"] is True
    assert "a later batch was there before it" in verdict.reason
    revised = house.deliver("features/b1.csv", _features(1, miles=(1,)))
    assert revised.numbers["out_of_order"] is False


def test_labels_of_unknown_rows_are_kept_and_counted(house: House) -> None:
    """Their rows may arrive later, and they join to nothing until then."""
    assert house.deliver("labels/b1.parquet", _labels(1)).numbers["unknown_keys"] == 3
    house.deliver("features/b1.csv", _features(1))
    verdict = house.deliver("labels/b1.parquet", _labels(1, late=(0, 0, 1, 0)))
    assert verdict.numbers["unknown_keys"] == 1
    assert "1 labels belong to no row that is known yet" in verdict.reason
    assert len(house.rows("labels")) == 4


def test_an_all_null_feature_is_ingested_with_a_warning(house: House) -> None:
    """The verdict names the column."""
    verdict = house.deliver("features/b1.csv", _features(1, miles=("", "", "")))
    assert verdict.action == "ingested"
    assert "column miles holds no value at all" in verdict.reason
    assert verdict.numbers["warnings"] == 1


def test_the_verdict_of_a_huge_mistake_is_still_small(house: House) -> None:
    """It travels between tasks, so it is cut short."""
    names = [f"column_{number}" for number in range(3000)]
    data = (",".join(names) + "\n" + ",".join(names) + "\n").encode()
    assert len(json.dumps(house.deliver("features/b1.csv", data).to_json())) < 4096


def test_only_a_delivery_of_the_named_batch_is_ingested(house: House) -> None:
    """A file that is not there, or is another's, is refused."""
    file = house.land("features/b1.csv", _features(1))
    with pytest.raises(NotFound, match="no such delivery"):
        house.ingest({"stream": "features", "batch": "b1", "file": f"{file}.gz"})
    with pytest.raises(BadParameter, match="not belong to labels b1"):
        house.ingest({"stream": "labels", "batch": "b1", "file": file})


def test_a_wrong_expectation_fails_the_run_and_leaves_the_file_waiting(house: House) -> None:
    """It is the spec's fault, not the batch's: mended, the file is ingested."""
    house.spec = _spec(expectations={"features": [{"expect": "expect_nothing"}]})
    house.land("features/b1.csv", _features(1))
    with pytest.raises(SpecError):
        house.run()
    assert house.rings
    house.spec = _spec()
    assert [one.action for one in house.run()] == ["ingested"]


def test_a_file_written_again_while_it_is_read_is_read_again(house: House) -> None:
    """Bytes are never registered under another state's tag."""
    file = house.land("features/b1.csv", _features(1))
    delivery = dict(house.claim().deliveries[0])
    read = house.store.read

    def read_slowly(key: str) -> bytes:
        data = read(key)
        if key == file:
            house.store.write(file, _features(1, miles=(7,)))
            house.store.read = read  # type: ignore[method-assign]
        return data

    house.store.read = read_slowly  # type: ignore[method-assign]
    with pytest.raises(CommitConflict):
        house.ingest(delivery)
    assert house.ingest(delivery).verdict.action == "ingested"
    assert house.rows() == {"f1-0": 7.0}


def test_a_repeat_returns_the_record(house: House) -> None:
    """An Airflow retry of a finished task changes nothing."""
    house.land("features/b1.csv", _features(1))
    delivery = dict(house.claim().deliveries[0])
    assert house.ingest(delivery) == house.ingest(delivery)
    assert house.tables.version("flights/features") == 1


def test_a_late_attempt_is_refused_at_its_commit(house: House) -> None:
    """A task that was believed dead cannot publish once its successor has begun."""
    house.land("features/b1.csv", _features(1, miles=(1, 2, 99999)))
    delivery = dict(house.claim().deliveries[0])
    publish, successor = house.tables.publish, []

    def publish_late(*args: Any, **kwargs: Any) -> int:
        house.tables.publish = publish  # type: ignore[method-assign]
        successor.append(house.ingest(delivery))
        return publish(*args, **kwargs)

    house.tables.publish = publish_late  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        house.ingest(delivery)
    assert successor[0].attempt == 2
    assert house.tables.version("flights/features") == 1
    assert len(ledger.read(house.store, "flights")) == 1


def _state(house: House) -> dict[str, Any]:
    """What must be the same, however often it was interrupted."""
    registered = arrivals.newest_registration(house.store, "flights", "features", "b1")
    assert registered is not None
    record = json.loads(house.store.read(registered.note["record"]))
    quarantine = [entry.key for entry in house.store.list("quarantine")]
    entries = ledger.read(house.store, "flights")
    return {
        "rows": house.rows() if house.tables.version("flights/features") else None,
        "registered": (registered.action, registered.revision, registered.sha256),
        "action": record["verdict"]["action"],
        "quarantine": quarantine,
        "ledger": [(one["fact"]["run"], one["fact"]["action"]) for one in entries],
        "rings": house.rings,
    }


@pytest.mark.parametrize(
    "deliveries",
    [
        [_features(1, miles=(100, 99999, 1, 2))],
        [b"nonsense"],
        [_features(1), _features(1, miles=(7, 8, 99999))],
        [_features(1), _features(1)],
        [_features(1), b"nonsense"],
    ],
    ids=["ingested", "blocked", "revised", "duplicate", "blocked-revision"],
)
def test_a_kill_at_any_write_loses_nothing_and_repeats_nothing(deliveries: list[bytes]) -> None:
    """Killed before each of its writes in turn, the next run ends in the same state."""

    def prepared() -> House:
        house = House()
        for data in deliveries[:-1]:
            house.deliver("features/b1.csv", data)
        house.land("features/b1.csv", deliveries[-1])
        return house

    untouched = prepared()
    untouched.store.fuse = Fuse()
    untouched.run()
    writes = untouched.store.fuse.seen
    expected = _state(untouched)
    assert writes > 4
    for survived in range(writes):
        house = prepared()
        house.store.fuse = Fuse(survived)
        with pytest.raises(Killed):
            house.run()
        house.store.fuse = Fuse()
        house.run()
        found = _state(house)
        runs = [(run.rpartition("-")[0], action) for run, action in found.pop("ledger")]
        assert runs == [(run.rpartition("-")[0], action) for run, action in expected["ledger"]], (
            survived
        )
        assert found == {k: v for k, v in expected.items() if k != "ledger"}, survived
