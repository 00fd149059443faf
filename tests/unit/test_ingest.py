"""Ingestion of a delivery: new, revised, repeated, out of order, and how rows are stamped."""

from __future__ import annotations

import pytest

from slipway.stages.report.why_dataset import format_deliveries, why_dataset
from tests.support.ingest_env import IngestEnv, features_csv, labels_parquet


@pytest.fixture
def env() -> IngestEnv:
    """A dataset without deliveries."""
    return IngestEnv()


def test_good_rows_become_one_commit_with_their_origin(env: IngestEnv) -> None:
    """System columns have the batch, the revision and the number of the delivery."""
    verdict = env.deliver("features/b1.csv", features_csv(1))
    assert verdict.action == "ingested"
    assert verdict.reason == (
        "3 of 3 rows of features b1 are in version 1 of the table; none was bad."
    )
    assert verdict.numbers["table_version"] == env.tables.version("flights/features")
    rows = env.tables.read("flights/features")
    assert set(rows["_batch"]) == {"b1"}
    assert set(rows["_revision"]) == {1}
    assert set(rows["_delivery"]) == {1}


def test_rows_have_the_number_of_their_delivery(env: IngestEnv) -> None:
    """Features and labels share one order; a revision has a number of its own, a duplicate none."""
    env.deliver("labels/b0.parquet", labels_parquet(0))
    env.deliver("features/b2.csv", features_csv(2))
    env.deliver("features/b1.csv", features_csv(1))
    env.deliver("features/b1.csv", features_csv(1))
    env.deliver("features/b2.csv", features_csv(2, miles=(7,)))
    env.deliver("labels/b1.parquet", labels_parquet(1))
    seen = {
        (stream, batch, number)
        for stream in ("features", "labels")
        for batch, number in env.tables.read(f"flights/{stream}")[["_batch", "_delivery"]].values
    }
    assert seen == {
        ("labels", "b0", 1),
        ("features", "b1", 3),
        ("features", "b2", 4),
        ("labels", "b1", 5),
    }


def test_a_file_delivered_again_without_a_change_is_a_no_op(env: IngestEnv) -> None:
    """The table's version stays, and the delivery is registered as a duplicate."""
    env.deliver("features/b1.csv", features_csv(1))
    for _ in range(2):
        verdict = env.deliver("features/b1.csv", features_csv(1))
        assert (verdict.action, verdict.numbers["revision"]) == ("duplicate", 1)
    assert env.tables.version("flights/features") == 1
    assert not env.is_unacknowledged


def test_a_changed_delivery_replaces_the_batch(env: IngestEnv) -> None:
    """It is the next revision, and no row of the old one is left."""
    env.deliver("features/b1.csv", features_csv(1))
    verdict = env.deliver("features/b1.csv", features_csv(1, miles=(7, 8)))
    assert (verdict.action, verdict.numbers["revision"]) == ("revised", 2)
    assert "revision 2 replaces revision 1" in verdict.reason
    assert env.rows() == {"f1-0": 7.0, "f1-1": 8.0}


def test_a_batch_out_of_order_is_ingested_and_flagged(env: IngestEnv) -> None:
    """A revision of an old batch is not out of order."""
    assert env.deliver("features/b2.csv", features_csv(2)).numbers["out_of_order"] is False
    verdict = env.deliver("features/b1.csv", features_csv(1))
    assert verdict.numbers["out_of_order"] is True
    assert "a later batch was there before it" in verdict.reason
    revised = env.deliver("features/b1.csv", features_csv(1, miles=(1,)))
    assert revised.numbers["out_of_order"] is False


def test_labels_of_unknown_rows_are_kept_and_counted(env: IngestEnv) -> None:
    """Their rows may arrive later; until then they join to nothing."""
    assert env.deliver("labels/b1.parquet", labels_parquet(1)).numbers["unknown_keys"] == 3
    env.deliver("features/b1.csv", features_csv(1))
    verdict = env.deliver("labels/b1.parquet", labels_parquet(1, late=(0, 0, 1, 0)))
    assert verdict.numbers["unknown_keys"] == 1
    assert "1 labels belong to no row that was known at their delivery" in verdict.reason
    assert len(env.rows("labels")) == 4


def test_an_all_null_feature_is_ingested_with_a_warning(env: IngestEnv) -> None:
    """The verdict names the column."""
    verdict = env.deliver("features/b1.csv", features_csv(1, miles=("", "", "")))
    assert verdict.action == "ingested"
    assert "column miles holds no value at all" in verdict.reason
    assert verdict.numbers["warnings"] == 1


def test_two_files_of_one_batch_are_named_in_the_verdict(env: IngestEnv) -> None:
    """The later one replaced the rows of the other, which a person may not have meant."""
    env.land("features/two.jsonl", b'{"id": "a", "at": "2013-01-01", "miles": 1}\n')
    env.land("features/two.csv", b"id,at,miles\nb,2013-01-01,2\n")
    first, second = env.run()
    assert (first.action, second.action) == ("ingested", "revised")
    assert "same batch" not in first.reason
    assert "two.jsonl and two.csv are the same batch; the later one replaced" in second.reason
    assert second.numbers["warnings"] == 1
    told = why_dataset("flights", store=env.store)
    assert told[0].has_trouble
    assert "two.jsonl and two.csv" in "\n".join(format_deliveries("flights", told))


def test_a_correction_of_the_same_file_is_no_second_file(env: IngestEnv) -> None:
    """Even where a blocked delivery of another file of the batch lies between them."""
    env.deliver("features/b1.csv", features_csv(1))
    assert env.deliver("features/b1.jsonl", b"{}\n").action == "blocked"
    verdict = env.deliver("features/b1.csv", features_csv(1, miles=(7, 8)))
    assert "same batch" not in verdict.reason
    assert verdict.numbers["warnings"] == 0
