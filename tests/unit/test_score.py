"""Batch scoring: due partitions, and the rows and records of a scored one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.errors import BadParameter, BadRequest, Tampered
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.monitor.windows.windows import parse_window
from slipway.stages.score import partitions
from slipway.stages.score.partitions import DuePartitions, Scoring
from tests.support import ferry_dataset
from tests.support.batch_scoring_env import MARCH, BatchScoringEnv

JUNE = datetime(2013, 6, 1, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> BatchScoringEnv:
    """Features of March, April and May 2013, in monthly batches; no champion yet."""
    batch = {"target": "batch", "batch": {"chunk_rows": 100}}
    value = ferry_dataset.model().model_dump() | {"model": "tide", "deployment": batch}
    made = BatchScoringEnv(tmp_path, ModelSpec.model_validate(value), ferry_dataset.dataset())
    rows = ferry_dataset.crossings(days=92, start=MARCH)
    for month, part in rows.groupby(rows["departs"].dt.strftime("%Y-%m")):
        made.publish(part, batch=str(month))
    return made


def april(**changes: Any) -> pd.DataFrame:
    """Some of April's rows with changes, delivered once more."""
    rows = ferry_dataset.crossings(days=92, start=MARCH)
    return rows[rows["departs"].dt.month == 4].head(50).assign(**changes)


def test_without_a_champion_nothing_is_due(env: BatchScoringEnv) -> None:
    """The result has a reason."""
    assert env.due() == DuePartitions((), "no version is champion yet")


def test_while_another_version_is_in_force_nothing_is_due(env: BatchScoringEnv) -> None:
    """During a rollout the candidate's scores may never be used."""
    env.crown(1)
    env.in_force = 2
    assert env.names() == []
    assert "version 2 is served and version 1 is champion" in env.due().reason


def test_before_any_features_nothing_is_due(tmp_path: Path, env: BatchScoringEnv) -> None:
    """An empty table is no error."""
    env.root = tmp_path / "elsewhere"
    env.crown(1)
    assert env.names() == []


def test_what_follows_the_first_training_is_due_once(env: BatchScoringEnv) -> None:
    """The month of its holdout and later ones; not its training months."""
    env.crown(1, trained_until="2013-04-10T00:00:00+00:00")
    assert env.names() == ["2013-04", "2013-05"]
    records = env.score_all()
    assert [one.verdict.action for one in records] == ["scored", "scored"]
    assert [one.verdict.numbers["rows"] for one in records] == [30 * 40, 31 * 40]
    assert env.names() == []
    assert env.score_all("2013-04", "2013-05") == records


def test_a_row_has_its_origin(env: BatchScoringEnv) -> None:
    """Key, event time, score, version, wall time, and the raw features."""
    env.crown(2)
    env.score_all()
    found = env.scores.read("tide")
    expected = ferry_dataset.crossings(days=92, start=MARCH).set_index("crossing")
    known = expected.loc[found["key"]]
    assert len(found) == len(expected)
    assert np.array_equal(found["score"], known["wind"] * 2)
    assert np.array_equal(found["port"], known["port"])
    assert np.array_equal(found["event_time"], known["departs"])
    assert set(found["version"]) == {2}
    assert (pd.Timestamp.now(tz="UTC") - found["scored_at"] < timedelta(minutes=5)).all()


def test_personal_columns_stay_out(env: BatchScoringEnv) -> None:
    """They are inputs of the model, and not in the shared table."""
    value = env.dataset.model_dump()
    value["streams"]["features"]["columns"]["port"]["pii"] = "hash"
    env.dataset = DatasetSpec.model_validate(value)
    env.crown(1)
    env.score_all()
    assert "port" not in env.scores.read("tide")


def test_a_revised_batch_is_scored_again(env: BatchScoringEnv) -> None:
    """Only its own partition; the files of the others are unchanged."""
    env.crown(1)
    env.score_all()
    env.publish(april(wind=1.0), batch="2013-04", revision=2)
    assert env.names() == ["2013-04"]
    env.score_all()
    assert env.names() == []
    assert env.scores.count("tide", version=1) == (31 + 31) * 40 + 50


def test_a_key_that_was_delivered_again_counts_once(env: BatchScoringEnv) -> None:
    """The last delivery of a key counts, in any batch, as in training."""
    env.crown(1)
    env.publish(april(wind=1.0), batch="late")
    (record,) = [one for one in env.score_all() if "2013-04" in one.ref.run]
    assert record.verdict.numbers["rows"] == 30 * 40
    assert record.verdict.numbers["replaced_rows"] == 50
    found = env.scores.read("tide").set_index("key")
    assert found.index.is_unique
    assert set(found.loc[april()["crossing"], "score"]) == {1.0}


def test_a_new_champion_leaves_what_was_scored(env: BatchScoringEnv) -> None:
    """It scores new partitions, and requested ones, again if another version did."""
    env.crown(1)
    env.score_all()
    env.crown(2, trained_until="2013-05-20T00:00:00+00:00")
    assert env.names() == []
    assert env.names("2013-04") == ["2013-04"]
    (second,) = env.score_all("2013-04")
    assert env.scores.count("tide", version=2) == 30 * 40
    env.crown(1)
    (back,) = env.score_all("2013-04")
    assert back.ref.run.endswith("-v1-2")
    assert env.scores.count("tide", version=2) == 0
    env.crown(2)
    (again,) = env.score_all("2013-04")
    assert again.ref.run == f"{second.ref.run}-2"
    assert env.score_all("2013-04") == [again]


def test_missed_partitions_stay_due(env: BatchScoringEnv) -> None:
    """Due partitions count from the first version's training, regardless of the champion."""
    env.crown(1)
    env.crown(2, trained_until="2013-05-20T00:00:00+00:00")
    assert env.names() == ["2013-03", "2013-04", "2013-05"]


def test_a_partition_without_rows_is_scored_once(env: BatchScoringEnv) -> None:
    """A file's range hides gaps within it; the record does not."""
    rows = ferry_dataset.crossings(days=70, start=JUNE)
    env.publish(rows[rows["departs"].dt.month != 7], batch="summer")
    env.crown(1)
    by_name = {one.inputs["partition"]: one.verdict.numbers["rows"] for one in env.score_all()}
    assert by_name["2013-07"] == 0
    assert env.names() == []
    assert env.score_all("2013-07")[0].verdict.numbers["rows"] == 0


def test_a_partition_whose_features_went_is_emptied(env: BatchScoringEnv) -> None:
    """Scores of removed rows are removed."""
    env.crown(1)
    env.score_all()
    june = ferry_dataset.crossings(days=5, start=JUNE)
    env.publish(june, batch="2013-05", revision=2)
    assert env.names() == ["2013-05", "2013-06"]
    env.score_all()
    assert env.names() == []
    may = datetime(2013, 5, 1, tzinfo=UTC)
    assert env.scores.count("tide", may, may + timedelta(days=31)) == 0


def test_an_overtaken_partition_is_left_to_the_next_run(env: BatchScoringEnv) -> None:
    """Its listed features have changed, so it is due again."""
    env.crown(1)
    listed = {one.window.name: one for one in env.due().scorings}
    env.publish(april(), batch="2013-04", revision=2)
    verdict = env.score(listed["2013-04"]).verdict
    assert verdict.action == "overtaken"
    assert "2013-04" in env.names()


def test_rows_that_cannot_be_scored_stop_the_run(env: BatchScoringEnv) -> None:
    """A half-scored partition is worse than the old one."""
    env.crown(1)
    env.score_all()
    before = env.scores.read("tide")
    env.publish(april(wind=-1.0), batch="late")
    with pytest.raises(BadRequest, match="cannot score these rows"):
        env.score_all()
    pd.testing.assert_frame_equal(env.scores.read("tide"), before)


def test_other_bytes_under_the_champions_number_score_nothing(env: BatchScoringEnv) -> None:
    """The model was registered anew after the partitions were listed."""
    env.crown(1, sha256="a" * 64)
    first, second, *_ = env.due().scorings
    assert env.score(first).verdict.action == "scored"
    env.versions[1][DIGEST] = "b" * 64
    with pytest.raises(Tampered, match="not the version that is meant"):
        env.score(second)


def test_days_are_partitions_too(env: BatchScoringEnv) -> None:
    """A monthly batch has several daily partitions; months cannot be mixed with days."""
    months = env.spec
    value = months.model_dump()
    value["deployment"]["batch"]["partition"] = "day"
    env.spec = ModelSpec.model_validate(value)
    env.crown(1, trained_until="2013-05-25T12:00:00+00:00")
    assert env.names() == [f"2013-05-{day}" for day in range(25, 32)]
    assert env.names("2013-04-03") == ["2013-04-03"]
    env.score(env.due("2013-04-03").scorings[0])
    assert env.scores.count("tide") == 40
    env.spec = months
    with pytest.raises(BadParameter, match="not the name of a month"):
        env.due()


def test_a_run_is_named_by_its_inputs(env: BatchScoringEnv) -> None:
    """The run's name has all inputs of the scoring."""
    one = Scoring(parse_window("2013-05", "month"), "0123456789ab", 3, 2)
    assert one.run == "score-2013-05-0123456789ab-v3-2"
    assert partitions.parse_scoring(one.run, env.spec) == one
    for wrong in ("score-2013-05", "score-2013-13-0123456789ab-v3", "window-2013-05-v3"):
        with pytest.raises(BadParameter):
            partitions.parse_scoring(wrong, env.spec)
    env.crown(1)
    with pytest.raises(BadParameter, match="nothing to score from 2014-01 to 2014-02"):
        env.due("2014-01", "2014-02")
