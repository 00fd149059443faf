"""Claim and acknowledgement: every landed file is handled, and by one run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from slipway.errors import BadParameter, NotFound, SpecError
from slipway.stages.ingest.ingest import acknowledge, claim
from tests.support.ingest_env import IngestEnv, dataset_spec, features_csv, labels_parquet


@pytest.fixture
def env() -> IngestEnv:
    """A dataset without deliveries."""
    return IngestEnv()


def test_what_waits_is_claimed_in_order(env: IngestEnv) -> None:
    """By batch, features before labels; a claim is small JSON."""
    env.land("labels/b1.parquet", labels_parquet(1))
    env.land("features/b2.csv", features_csv(2))
    env.land("features/b1.csv", features_csv(1))
    claimed = json.loads(json.dumps(env.claim().to_json()))
    assert [(one["batch"], one["stream"]) for one in claimed["deliveries"]] == [
        ("b1", "features"),
        ("b1", "labels"),
        ("b2", "features"),
    ]
    assert claimed["deliveries"][0]["file"] == "landing/flights/features/b1.csv"


def test_several_files_at_once_are_ingested_once_each(env: IngestEnv) -> None:
    """A second run finds nothing, and the landing trigger is silent."""
    for day in (1, 2, 3):
        env.land(f"features/b{day}.csv", features_csv(day))
    assert [one.action for one in env.run()] == ["ingested"] * 3
    assert not env.is_unacknowledged
    assert env.run() == []
    assert len(env.rows()) == 9


def test_a_file_that_has_not_settled_waits_for_the_next_event(env: IngestEnv) -> None:
    """The listing is not acknowledged as a whole."""
    env = IngestEnv(dataset_spec(arrival={"settle_seconds": 60}))
    env.land("features/b1.csv", features_csv(1))
    assert env.run() == []
    assert env.is_unacknowledged
    later = datetime.now(UTC) + timedelta(seconds=61)
    claimed = claim(env.spec, source=env.source, store=env.store, now=later)
    assert len(claimed.deliveries) == 1


def test_a_file_that_lands_during_a_run_causes_another_event(env: IngestEnv) -> None:
    """It is neither lost nor acknowledged by the run that did not list it."""
    env.land("features/b1.csv", features_csv(1))
    claimed = env.claim()
    env.land("features/b2.csv", features_csv(2))
    env.ingest(dict(claimed.deliveries[0]))
    fingerprint = claimed.fingerprint
    assert not acknowledge(env.spec, source=env.source, store=env.store, fingerprint=fingerprint)
    assert env.is_unacknowledged
    assert [one.action for one in env.run()] == ["ingested"]
    assert not env.is_unacknowledged


def test_one_batch_alone_can_be_ingested(env: IngestEnv) -> None:
    """The others wait, and the landing trigger goes on firing for them."""
    env.land("features/b1.csv", features_csv(1))
    env.land("features/b2.csv", features_csv(2))
    assert len(env.run("b2")) == 1
    assert env.is_unacknowledged
    assert len(env.run()) == 1
    assert not env.is_unacknowledged
    assert env.run("b2") == []


def test_an_unknown_batch_is_refused_with_the_nearest_name(env: IngestEnv) -> None:
    """The hint has the nearest name."""
    env.land("features/2013-05.csv", features_csv(1))
    with pytest.raises(BadParameter, match="no file of batch '2013-5'") as error:
        env.claim("2013-5")
    assert error.value.hint == "did you mean '2013-05'?"


def test_an_unhandled_file_is_never_acknowledged(env: IngestEnv) -> None:
    """The arrival registry decides, whatever the tasks' states."""
    env.land("features/b1.csv", features_csv(1))
    fingerprint = env.claim().fingerprint
    assert not acknowledge(env.spec, source=env.source, store=env.store, fingerprint=fingerprint)


def test_only_a_delivery_of_the_named_batch_is_ingested(env: IngestEnv) -> None:
    """A missing file, or one of another batch, is refused."""
    file = env.land("features/b1.csv", features_csv(1))
    with pytest.raises(NotFound, match="no such delivery"):
        env.ingest({"stream": "features", "batch": "b1", "file": f"{file}.gz"})
    with pytest.raises(BadParameter, match="not belong to labels b1"):
        env.ingest({"stream": "labels", "batch": "b1", "file": file})


def test_a_wrong_expectation_fails_the_run_and_leaves_the_file_waiting(env: IngestEnv) -> None:
    """The error is in the spec: once it is corrected, the file is ingested."""
    env.spec = dataset_spec(expectations={"features": [{"expect": "expect_nothing"}]})
    env.land("features/b1.csv", features_csv(1))
    with pytest.raises(SpecError):
        env.run()
    assert env.is_unacknowledged
    env.spec = dataset_spec()
    assert [one.action for one in env.run()] == ["ingested"]
