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
from tests.fakes.kill_points import KillableStore, KillableTables, Killed, KillPoint
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
class IngestEnv:
    """One dataset with its landing area, tables and store."""

    spec: DatasetSpec = field(default_factory=_spec)
    store: KillableStore = field(default_factory=KillableStore)
    tables: KillableTables = field(init=False)
    source: LandedFiles = field(init=False)

    def __post_init__(self) -> None:
        self.tables = KillableTables(self.store)
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
        """Ingest one claimed delivery."""
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
        """Run the ingest DAG: claim, ingest one by one, acknowledge."""
        claimed = self.claim(batch)
        verdicts = [self.ingest(dict(one)).verdict for one in claimed.deliveries]
        acknowledge(
            self.spec, source=self.source, store=self.store, fingerprint=claimed.fingerprint
        )
        return verdicts

    def deliver(self, name: str, data: bytes) -> Verdict:
        """Land one file, run the DAG and return the verdict."""
        self.land(name, data)
        (verdict,) = self.run()
        return verdict

    @property
    def is_unacknowledged(self) -> bool:
        """Whether the landing trigger fires: the listing is not acknowledged."""
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
def env() -> IngestEnv:
    """A dataset into which nothing has been delivered."""
    return IngestEnv()


def test_what_waits_is_claimed_in_order(env: IngestEnv) -> None:
    """By batch, features before labels; a claim is small and plain."""
    env.land("labels/b1.parquet", _labels(1))
    env.land("features/b2.csv", _features(2))
    env.land("features/b1.csv", _features(1))
    claimed = json.loads(json.dumps(env.claim().to_json()))
    assert [(one["batch"], one["stream"]) for one in claimed["deliveries"]] == [
        ("b1", "features"),
        ("b1", "labels"),
        ("b2", "features"),
    ]
    assert claimed["deliveries"][0]["file"] == "landing/flights/features/b1.csv"


def test_several_files_at_once_are_ingested_once_each(env: IngestEnv) -> None:
    """A second run finds nothing, and the bell is silent."""
    for day in (1, 2, 3):
        env.land(f"features/b{day}.csv", _features(day))
    assert [one.action for one in env.run()] == ["ingested"] * 3
    assert not env.is_unacknowledged
    assert env.run() == []
    assert len(env.rows()) == 9


def test_a_file_that_has_not_settled_is_left_to_the_next_bell(env: IngestEnv) -> None:
    """And what was handled beside it is not acknowledged as everything."""
    env = IngestEnv(_spec(arrival={"settle_seconds": 60}))
    env.land("features/b1.csv", _features(1))
    assert env.run() == []
    assert env.is_unacknowledged
    later = datetime.now(UTC) + timedelta(seconds=61)
    claimed = claim(env.spec, source=env.source, store=env.store, now=later)
    assert len(claimed.deliveries) == 1


def test_a_file_that_lands_during_a_run_rings_again(env: IngestEnv) -> None:
    """It is neither lost nor acknowledged by the run that did not see it."""
    env.land("features/b1.csv", _features(1))
    claimed = env.claim()
    env.land("features/b2.csv", _features(2))
    env.ingest(dict(claimed.deliveries[0]))
    fingerprint = claimed.fingerprint
    assert not acknowledge(env.spec, source=env.source, store=env.store, fingerprint=fingerprint)
    assert env.is_unacknowledged
    assert [one.action for one in env.run()] == ["ingested"]
    assert not env.is_unacknowledged


def test_one_batch_alone_can_be_asked_for(env: IngestEnv) -> None:
    """The others go on waiting, and the bell goes on ringing for them."""
    env.land("features/b1.csv", _features(1))
    env.land("features/b2.csv", _features(2))
    assert len(env.run("b2")) == 1
    assert env.is_unacknowledged
    assert len(env.run()) == 1
    assert not env.is_unacknowledged
    assert env.run("b2") == []


def test_an_unknown_batch_is_refused_with_the_nearest_name(env: IngestEnv) -> None:
    """A person sees at once what was meant."""
    env.land("features/2013-05.csv", _features(1))
    with pytest.raises(BadParameter, match="no file of batch '2013-5'") as error:
        env.claim("2013-5")
    assert error.value.hint == "did you mean '2013-05'?"


def test_an_unhandled_file_is_never_acknowledged(env: IngestEnv) -> None:
    """Whatever became of the tasks before: the registry decides."""
    env.land("features/b1.csv", _features(1))
    fingerprint = env.claim().fingerprint
    assert not acknowledge(env.spec, source=env.source, store=env.store, fingerprint=fingerprint)


def test_good_rows_become_one_commit_with_their_origin(env: IngestEnv) -> None:
    """System columns say which revision it is and when the event clock saw it."""
    verdict = env.deliver("features/b1.csv", _features(1))
    assert verdict.action == "ingested"
    assert verdict.reason == (
        "3 of 3 rows of features b1 are in version 1 of the table; none was bad."
    )
    assert verdict.numbers["table_version"] == env.tables.version("flights/features")
    rows = env.tables.read("flights/features")
    assert set(rows["_batch"]) == {"b1"}
    assert set(rows["_revision"]) == {1}
    assert set(rows["_available_at"]) == {pd.Timestamp("2013-01-01T02:00:00Z")}


def test_labels_become_available_when_the_event_clock_says(env: IngestEnv) -> None:
    """The newest event time among the features published by then; ever, when there was none."""
    env.deliver("labels/b0.parquet", _labels(0))
    env.deliver("features/b1.csv", _features(1))
    env.deliver("features/b2.csv", _features(2))
    env.deliver("labels/b1.parquet", _labels(1))
    rows = env.tables.read("flights/labels").drop_duplicates("_batch").set_index("_batch")
    assert rows["_available_at"]["b0"] == BEFORE_ANY_FEATURE
    assert rows["_available_at"]["b1"] == pd.Timestamp("2013-01-02T02:00:00Z")


def test_bad_rows_go_to_quarantine_as_they_were_delivered(env: IngestEnv) -> None:
    """With their reasons; the good ones are published."""
    verdict = env.deliver("features/b1.csv", _features(1, miles=(100, "far", 99999, 1, 2)))
    assert verdict.action == "ingested"
    assert (verdict.numbers["quarantined"], verdict.numbers["quarantined_share"]) == (2, 0.4)
    bad = env.packed(verdict.evidence["quarantine"])
    assert dict(zip(bad["miles"], bad["_reason"], strict=True)) == {
        "far": "miles is not of type number",
        "99999": f"{BETWEEN} of miles",
    }
    assert sorted(env.rows()) == ["f1-0", "f1-3", "f1-4"]
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
    env: IngestEnv, name: str, data: bytes, said: str
) -> None:
    """The raw file is in quarantine, the verdict says why, the bell is silent."""
    verdict = env.deliver(name, data)
    assert verdict.action == "blocked"
    assert said in verdict.reason
    assert verdict.reason.endswith("nothing of it is published.")
    raw = verdict.evidence["blocked"].removeprefix(f"{env.store.root}/")
    assert env.store.read(raw) == data
    assert env.tables.version(f"flights/{name.partition('/')[0]}") is None
    assert not env.is_unacknowledged


def test_a_blocked_revision_leaves_the_earlier_one_live(env: IngestEnv) -> None:
    """A correction that is worse than what it corrects changes nothing."""
    env.deliver("features/b1.csv", _features(1))
    verdict = env.deliver("features/b1.csv", b"nonsense")
    assert verdict.action == "blocked"
    assert verdict.reason.endswith("revision 1 stays live.")
    assert (verdict.numbers["revision"], verdict.numbers["live_revision"]) == (2, 1)
    assert len(env.rows()) == 3
    corrected = env.deliver("features/b1.csv", _features(1, miles=(7,)))
    assert corrected.action == "revised"
    assert "revision 3 replaces revision 1" in corrected.reason


def test_a_batch_that_the_table_cannot_take_is_blocked(env: IngestEnv) -> None:
    """A column whose declared type changed after the table was made lets the next batch be seen."""
    env.deliver("features/b1.csv", _features(1))
    declared = env.spec.model_dump()
    declared["streams"]["features"]["columns"]["miles"]["type"] = "string"
    env.spec = DatasetSpec.model_validate({**declared, "expectations": {}})
    data = _features(2)
    verdict = env.deliver("features/b2.csv", data)
    assert verdict.action == "blocked"
    assert "column miles has another type than in the table" in verdict.reason
    assert (verdict.numbers["rows"], verdict.numbers["live_revision"]) == (3, None)
    raw = verdict.evidence["blocked"].removeprefix(f"{env.store.root}/")
    assert env.store.read(raw) == data
    assert env.tables.version("flights/features") == 1
    assert not env.is_unacknowledged


def test_a_blocked_batch_delivered_again_is_tried_again(env: IngestEnv) -> None:
    """The expectations may have been mended meanwhile."""
    data = _labels(1, late=(1, 1, 1))
    assert env.deliver("labels/b1.parquet", data).action == "blocked"
    env.spec = _spec(expectations={})
    verdict = env.deliver("labels/b1.parquet", data)
    assert (verdict.action, verdict.numbers["revision"]) == ("ingested", 2)


def test_a_file_delivered_again_without_a_change_is_a_no_op(env: IngestEnv) -> None:
    """The table's version stays, and the delivery is registered as a duplicate."""
    env.deliver("features/b1.csv", _features(1))
    for _ in range(2):
        verdict = env.deliver("features/b1.csv", _features(1))
        assert (verdict.action, verdict.numbers["revision"]) == ("duplicate", 1)
    assert env.tables.version("flights/features") == 1
    assert not env.is_unacknowledged


def test_a_changed_delivery_replaces_the_batch(env: IngestEnv) -> None:
    """It is the next revision, and the reason says so; no row of the old one is left."""
    env.deliver("features/b1.csv", _features(1))
    verdict = env.deliver("features/b1.csv", _features(1, miles=(7, 8)))
    assert (verdict.action, verdict.numbers["revision"]) == ("revised", 2)
    assert "revision 2 replaces revision 1" in verdict.reason
    assert env.rows() == {"f1-0": 7.0, "f1-1": 8.0}


def test_a_batch_out_of_order_is_ingested_and_flagged(env: IngestEnv) -> None:
    """A revision of an old batch is not out of order."""
    assert env.deliver("features/b2.csv", _features(2)).numbers["out_of_order"] is False
    verdict = env.deliver("features/b1.csv", _features(1))
    assert verdict.numbers["out_of_order"] is True
    assert "a later batch was there before it" in verdict.reason
    revised = env.deliver("features/b1.csv", _features(1, miles=(1,)))
    assert revised.numbers["out_of_order"] is False


def test_labels_of_unknown_rows_are_kept_and_counted(env: IngestEnv) -> None:
    """Their rows may arrive later, and they join to nothing until then."""
    assert env.deliver("labels/b1.parquet", _labels(1)).numbers["unknown_keys"] == 3
    env.deliver("features/b1.csv", _features(1))
    verdict = env.deliver("labels/b1.parquet", _labels(1, late=(0, 0, 1, 0)))
    assert verdict.numbers["unknown_keys"] == 1
    assert "1 labels belong to no row that is known yet" in verdict.reason
    assert len(env.rows("labels")) == 4


def test_an_all_null_feature_is_ingested_with_a_warning(env: IngestEnv) -> None:
    """The verdict names the column."""
    verdict = env.deliver("features/b1.csv", _features(1, miles=("", "", "")))
    assert verdict.action == "ingested"
    assert "column miles holds no value at all" in verdict.reason
    assert verdict.numbers["warnings"] == 1


def test_the_verdict_of_a_huge_mistake_is_still_small(env: IngestEnv) -> None:
    """It travels between tasks, so it is cut short."""
    names = [f"column_{number}" for number in range(3000)]
    data = (",".join(names) + "\n" + ",".join(names) + "\n").encode()
    assert len(json.dumps(env.deliver("features/b1.csv", data).to_json())) < 4096


def test_only_a_delivery_of_the_named_batch_is_ingested(env: IngestEnv) -> None:
    """A file that is not there, or is another's, is refused."""
    file = env.land("features/b1.csv", _features(1))
    with pytest.raises(NotFound, match="no such delivery"):
        env.ingest({"stream": "features", "batch": "b1", "file": f"{file}.gz"})
    with pytest.raises(BadParameter, match="not belong to labels b1"):
        env.ingest({"stream": "labels", "batch": "b1", "file": file})


def test_a_wrong_expectation_fails_the_run_and_leaves_the_file_waiting(env: IngestEnv) -> None:
    """It is the spec's fault, not the batch's: mended, the file is ingested."""
    env.spec = _spec(expectations={"features": [{"expect": "expect_nothing"}]})
    env.land("features/b1.csv", _features(1))
    with pytest.raises(SpecError):
        env.run()
    assert env.is_unacknowledged
    env.spec = _spec()
    assert [one.action for one in env.run()] == ["ingested"]


def test_a_file_written_again_while_it_is_read_is_read_again(env: IngestEnv) -> None:
    """Bytes are never registered under another state's tag."""
    file = env.land("features/b1.csv", _features(1))
    delivery = dict(env.claim().deliveries[0])
    read = env.store.read

    def read_slowly(key: str) -> bytes:
        data = read(key)
        if key == file:
            env.store.write(file, _features(1, miles=(7,)))
            env.store.read = read  # type: ignore[method-assign]
        return data

    env.store.read = read_slowly  # type: ignore[method-assign]
    with pytest.raises(CommitConflict):
        env.ingest(delivery)
    assert env.ingest(delivery).verdict.action == "ingested"
    assert env.rows() == {"f1-0": 7.0}


def test_a_repeat_returns_the_record(env: IngestEnv) -> None:
    """An Airflow retry of a finished task changes nothing."""
    env.land("features/b1.csv", _features(1))
    delivery = dict(env.claim().deliveries[0])
    assert env.ingest(delivery) == env.ingest(delivery)
    assert env.tables.version("flights/features") == 1


def test_a_late_attempt_is_refused_at_its_commit(env: IngestEnv) -> None:
    """A task that was believed dead cannot publish once its successor has begun."""
    env.land("features/b1.csv", _features(1, miles=(1, 2, 99999)))
    delivery = dict(env.claim().deliveries[0])
    publish, successor = env.tables.publish, []

    def publish_late(*args: Any, **kwargs: Any) -> int:
        env.tables.publish = publish  # type: ignore[method-assign]
        successor.append(env.ingest(delivery))
        return publish(*args, **kwargs)

    env.tables.publish = publish_late  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        env.ingest(delivery)
    assert successor[0].attempt == 2
    assert env.tables.version("flights/features") == 1
    assert len(ledger.read(env.store, "flights")) == 1


def _state(env: IngestEnv) -> dict[str, Any]:
    """What must be the same, however often it was interrupted."""
    registered = arrivals.newest_registration(env.store, "flights", "features", "b1")
    assert registered is not None
    record = json.loads(env.store.read(registered.note["record"]))
    quarantine = [entry.key for entry in env.store.list("quarantine")]
    entries = ledger.read(env.store, "flights")
    return {
        "rows": env.rows() if env.tables.version("flights/features") else None,
        "registered": (registered.action, registered.revision, registered.sha256),
        "action": record["verdict"]["action"],
        "quarantine": quarantine,
        "ledger": [(one["fact"]["run"], one["fact"]["action"]) for one in entries],
        "is_unacknowledged": env.is_unacknowledged,
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

    def prepared() -> IngestEnv:
        env = IngestEnv()
        for data in deliveries[:-1]:
            env.deliver("features/b1.csv", data)
        env.land("features/b1.csv", deliveries[-1])
        return env

    untouched = prepared()
    untouched.store.kill_point = KillPoint()
    untouched.run()
    writes = untouched.store.kill_point.seen
    expected = _state(untouched)
    assert writes > 4
    for survived in range(writes):
        env = prepared()
        env.store.kill_point = KillPoint(survived)
        with pytest.raises(Killed):
            env.run()
        env.store.kill_point = KillPoint()
        env.run()
        found = _state(env)
        runs = [(run.rpartition("-")[0], action) for run, action in found.pop("ledger")]
        assert runs == [(run.rpartition("-")[0], action) for run, action in expected["ledger"]], (
            survived
        )
        assert found == {k: v for k, v in expected.items() if k != "ledger"}, survived
