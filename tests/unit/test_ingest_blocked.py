"""Bad rows and bad batches: quarantined rows, blocked batches, and the revision that stays live."""

from __future__ import annotations

import json

import pytest

from slipway.spec import DatasetSpec
from tests.fakes.plain_suites import BETWEEN, MEAN
from tests.support.ingest_env import IngestEnv, dataset_spec, features_csv, labels_parquet


@pytest.fixture
def env() -> IngestEnv:
    """A dataset without deliveries."""
    return IngestEnv()


def test_bad_rows_go_to_quarantine_as_they_were_delivered(env: IngestEnv) -> None:
    """With their reasons; the good rows are published."""
    verdict = env.deliver("features/b1.csv", features_csv(1, miles=(100, "far", 99999, 1, 2)))
    assert verdict.action == "ingested"
    assert (verdict.numbers["quarantined"], verdict.numbers["quarantined_share"]) == (2, 0.4)
    bad = env.packed(verdict.evidence["quarantine"])
    assert dict(zip(bad["miles"], bad["_reason"], strict=True)) == {
        "far": "miles is no number",
        "99999": f"miles fails {BETWEEN} (at most 12500)",
    }
    assert sorted(env.rows()) == ["f1-0", "f1-3", "f1-4"]
    assert verdict.evidence["quarantine"].endswith("quarantine/flights/features/b1/r0001.parquet")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "features/b1.parquet",
            labels_parquet(1)[:-30],
            "as a complete Parquet file",
        ),
        ("features/b1.parquet", b"", "is empty"),
        ("features/b1.csv", b"id,at,miles\n", "holds no rows"),
        ("features/b1.csv", b"id,miles\nf1,2\n", "lacks the column at"),
        ("features/b1.csv", features_csv(1, miles=("x", "y", 3)), "2 of 3 rows are bad"),
        (
            "labels/b1.parquet",
            labels_parquet(1, late=(1, 1, 1)),
            f"{MEAN} of late (at most 0.6; observed 1) failed",
        ),
    ],
    ids=["truncated", "empty-file", "no-rows", "missing-column", "too-many-bad", "batch-level"],
)
def test_a_batch_that_may_not_enter_is_blocked_kept_and_acknowledged(
    env: IngestEnv, name: str, data: bytes, reason: str
) -> None:
    """The raw file is in quarantine, the verdict has the reason, and the trigger is silent."""
    verdict = env.deliver(name, data)
    assert verdict.action == "blocked"
    assert reason in verdict.reason
    assert verdict.reason.endswith("nothing of it is published.")
    raw = verdict.evidence["blocked"].removeprefix(f"{env.store.root}/")
    assert env.store.read(raw) == data
    assert env.tables.version(f"flights/{name.partition('/')[0]}") is None
    assert not env.is_unacknowledged


def test_a_header_that_does_not_fit_has_the_setting_that_would_take_it(env: IngestEnv) -> None:
    """The hint of the refusal stands in the verdict."""
    verdict = env.deliver("features/b1.csv", b"id;at;miles\nf1;2013-01-01;2\n")
    assert 'hint: set `csv: {delimiter: ";"}` in dataset.yaml' in verdict.reason


def test_a_blocked_revision_leaves_the_earlier_one_live(env: IngestEnv) -> None:
    """A worse correction changes nothing."""
    env.deliver("features/b1.csv", features_csv(1))
    verdict = env.deliver("features/b1.csv", b"nonsense")
    assert verdict.action == "blocked"
    assert verdict.reason.endswith("revision 1 stays live.")
    assert (verdict.numbers["revision"], verdict.numbers["live_revision"]) == (2, 1)
    assert len(env.rows()) == 3
    corrected = env.deliver("features/b1.csv", features_csv(1, miles=(7,)))
    assert corrected.action == "revised"
    assert "revision 3 replaces revision 1" in corrected.reason


def test_a_batch_that_the_table_cannot_take_is_blocked(env: IngestEnv) -> None:
    """After a change of a column's declared type the next batch does not fit the table."""
    env.deliver("features/b1.csv", features_csv(1))
    declared = env.spec.model_dump()
    declared["streams"]["features"]["columns"]["miles"]["type"] = "string"
    env.spec = DatasetSpec.model_validate({**declared, "expectations": {}})
    data = features_csv(2)
    verdict = env.deliver("features/b2.csv", data)
    assert verdict.action == "blocked"
    assert "column miles has another type than in the table" in verdict.reason
    assert (verdict.numbers["rows"], verdict.numbers["live_revision"]) == (3, None)
    raw = verdict.evidence["blocked"].removeprefix(f"{env.store.root}/")
    assert env.store.read(raw) == data
    assert env.tables.version("flights/features") == 1
    assert not env.is_unacknowledged


def test_a_blocked_batch_delivered_again_is_tried_again(env: IngestEnv) -> None:
    """The expectations may have been corrected meanwhile."""
    data = labels_parquet(1, late=(1, 1, 1))
    assert env.deliver("labels/b1.parquet", data).action == "blocked"
    env.spec = dataset_spec(expectations={})
    verdict = env.deliver("labels/b1.parquet", data)
    assert (verdict.action, verdict.numbers["revision"]) == ("ingested", 2)


def test_the_verdict_of_a_huge_mistake_is_still_small(env: IngestEnv) -> None:
    """The reason is cut, since it travels between tasks."""
    names = [f"column_{number}" for number in range(3000)]
    data = (",".join(names) + "\n" + ",".join(names) + "\n").encode()
    assert len(json.dumps(env.deliver("features/b1.csv", data).to_json())) < 4096
