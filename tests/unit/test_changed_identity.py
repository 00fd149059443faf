"""A dataset whose key changes: batches are read again, and no row joins by chance."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slipway.errors import NotComputable
from slipway.spec import DatasetSpec
from slipway.stages.model.labelled_rows import Snapshot, join_labelled
from slipway.stages.monitor.labels.label_join import read_labels
from slipway.stages.rollout.replay import recent_rows
from tests.support.ingest_env import IngestEnv, dataset_spec, features_csv, labels_parquet

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def with_key(key: object) -> DatasetSpec:
    """Flights by another key; no expectation blocks a batch."""
    return dataset_spec(key=key, expectations={})


@pytest.fixture
def env() -> IngestEnv:
    """Two days of flights with their labels, by the key `id`."""
    made = IngestEnv(with_key("id"))
    for day in (1, 2):
        made.deliver(f"features/2013-01-{day:02d}.csv", features_csv(day))
        made.deliver(f"labels/2013-01-{day:02d}.parquet", labels_parquet(day))
    return made


def pins(env: IngestEnv) -> Snapshot:
    """The newest versions of both tables."""
    versions = [env.tables.version(f"flights/{one}") or 0 for one in ("features", "labels")]
    return Snapshot(*versions, as_of=LATER)


def test_an_unchanged_file_is_read_by_the_new_key(env: IngestEnv) -> None:
    """Its rows were good, and have another key now."""
    again = features_csv(1)
    assert env.deliver("features/2013-01-01.csv", again + b"").action == "duplicate"
    env.spec = with_key(["id"])
    assert env.deliver("features/2013-01-01.csv", again).action == "revised"
    assert env.deliver("features/2013-01-01.csv", again).action == "duplicate"
    env.spec = with_key("id")
    assert env.deliver("features/2013-01-01.csv", again).action == "revised"


def test_rows_without_the_new_key_are_left_out_and_counted(env: IngestEnv) -> None:
    """The verdict on a snapshot names their number."""
    env.spec = with_key(["id"])
    with pytest.raises(NotComputable, match="no row has the key and event time"):
        join_labelled(env.tables, env.spec, pins(env), columns=["miles"], target="late")
    assert read_labels(env.tables, env.spec, "late", version=pins(env).labels_version).empty
    env.deliver("features/2013-01-02.csv", features_csv(2))
    verdict = env.deliver("labels/2013-01-02.parquet", labels_parquet(2))
    assert verdict.numbers["unknown_keys"] == 0
    joined = join_labelled(env.tables, env.spec, pins(env), columns=["miles"], target="late")
    assert joined.rows["_key"].tolist() == ["f2-0", "f2-1", "f2-2"]
    left = joined.left_out
    assert (left["unidentified_features"], left["unidentified_labels"]) == (3, 3)
    assert (
        recent_rows(env.tables, env.spec, rows=10)["_key"].tolist() == joined.rows["_key"].tolist()
    )


def test_labels_before_any_features_of_the_new_key_belong_to_none(env: IngestEnv) -> None:
    """They are counted, and the table of the features is no obstacle."""
    env.spec = with_key(["id"])
    verdict = env.deliver("labels/2013-01-01.parquet", labels_parquet(1))
    assert (verdict.action, verdict.numbers["unknown_keys"]) == ("revised", 3)
