"""Ingestion that is interrupted or repeated: each delivery is handled once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.errors import CommitConflict, Superseded
from slipway.records import arrivals, ledger
from tests.fakes.kill_points import Killed, KillPoint
from tests.support.ingest_env import IngestEnv, features_csv


@pytest.fixture
def env() -> IngestEnv:
    """A dataset without deliveries."""
    return IngestEnv()


def test_a_file_written_again_while_it_is_read_is_read_again(env: IngestEnv) -> None:
    """Bytes are never registered under another state's tag."""
    file = env.land("features/b1.csv", features_csv(1))
    delivery = dict(env.claim().deliveries[0])
    read = env.store.read

    def read_slowly(key: str) -> bytes:
        data = read(key)
        if key == file:
            env.store.write(file, features_csv(1, miles=(7,)))
            env.store.read = read  # type: ignore[method-assign]
        return data

    env.store.read = read_slowly  # type: ignore[method-assign]
    with pytest.raises(CommitConflict):
        env.ingest(delivery)
    assert env.ingest(delivery).verdict.action == "ingested"
    assert env.rows() == {"f1-0": 7.0}


def test_a_repeat_returns_the_record(env: IngestEnv) -> None:
    """An Airflow retry of a finished task changes nothing."""
    env.land("features/b1.csv", features_csv(1))
    delivery = dict(env.claim().deliveries[0])
    assert env.ingest(delivery) == env.ingest(delivery)
    assert env.tables.version("flights/features") == 1


def test_a_late_attempt_is_refused_at_its_commit(env: IngestEnv) -> None:
    """A task that was given up cannot publish once its successor has begun."""
    env.land("features/b1.csv", features_csv(1, miles=(1, 2, 99999)))
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


def test_a_late_ingest_of_a_replaced_file_is_superseded_at_its_commit(env: IngestEnv) -> None:
    """The file was delivered again and ingested meanwhile; the later delivery's rows stay."""
    env.land("features/b1.csv", features_csv(1, miles=(1,)))
    early = dict(env.claim().deliveries[0])
    publish = env.tables.publish

    def publish_late(*args: Any, **kwargs: Any) -> int:
        env.tables.publish = publish  # type: ignore[method-assign]
        env.deliver("features/b1.csv", features_csv(1, miles=(2,)))
        return publish(*args, **kwargs)

    env.tables.publish = publish_late  # type: ignore[method-assign]
    assert env.ingest(early).verdict.action == "superseded"
    assert env.rows() == {"f1-0": 2.0}
    assert not env.is_unacknowledged
    again = env.deliver("features/b1.csv", features_csv(1, miles=(1,)))
    assert again.action == "revised"
    assert env.rows() == {"f1-0": 1.0}


def test_an_earlier_file_of_a_batch_is_handled_as_superseded(env: IngestEnv) -> None:
    """Two files of one batch, the first of them killed once: its repeat ends, and is handled."""
    env.land("features/b1.csv", features_csv(1, miles=(1,)))
    early = dict(env.claim().deliveries[0])
    env.store.kill_point = KillPoint(writes=4)
    with pytest.raises(Killed):
        env.ingest(early)
    env.store.kill_point = KillPoint()
    env.land("features/b1.jsonl", b'{"id": "f1-0", "at": "2013-01-01", "miles": 2}\n')
    later = next(one for one in env.claim().deliveries if one["file"] != early["file"])
    assert env.ingest(dict(later)).verdict.action == "ingested"
    assert env.ingest(early).verdict.action == "superseded"
    assert env.rows() == {"f1-0": 2.0}
    assert env.claim().deliveries == ()


def test_a_correction_is_no_duplicate_of_what_another_ingest_replaced(env: IngestEnv) -> None:
    """Two ingests of one batch raced: what is in the table decides, not who registered."""
    first, second = features_csv(1, miles=(1,)), features_csv(1, miles=(2,))
    env.land("features/b1.csv", first)
    early = dict(env.claim().deliveries[0])
    register = arrivals.register

    def register_late(*args: Any, **kwargs: Any) -> bool:
        arrivals.register = register
        env.deliver("features/b1.csv", second)
        return register(*args, **kwargs)

    arrivals.register = register_late
    env.ingest(early)
    assert env.rows() == {"f1-0": 2.0}
    assert env.deliver("features/b1.csv", first).action == "revised"
    assert env.rows() == {"f1-0": 1.0}


def _state(env: IngestEnv) -> dict[str, Any]:
    """The state that must not depend on interruptions."""
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
        [features_csv(1, miles=(100, 99999, 1, 2))],
        [b"nonsense"],
        [features_csv(1), features_csv(1, miles=(7, 8, 99999))],
        [features_csv(1), features_csv(1)],
        [features_csv(1), b"nonsense"],
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
