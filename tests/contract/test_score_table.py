"""Score tables on Delta Lake: one commit per partition, read like the prediction log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from slipway.adapters.delta_tables import ScoreTable
from slipway.errors import BadBatch, BadRequest, CommitConflict, Superseded
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.stages.ports.scores import ScoredPartition
from tests.fakes.memory_store import MemoryStore

MAY = datetime(2013, 5, 1, tzinfo=UTC)
RUN = "score-2013-05-aaaaaaaaaaaa-v3"


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Root of an empty store."""
    if request.param == "s3":
        address: str = request.getfixturevalue("s3_store")
        return address
    return str(tmp_path / "store")


@pytest.fixture
def scores(root: str) -> ScoreTable:
    """A score table without scores."""
    return ScoreTable(root)


def rows(count: int, *, version: int = 3, start: datetime = MAY) -> pd.DataFrame:
    """Scored rows, one an hour."""
    times = pd.DatetimeIndex([start + timedelta(hours=n) for n in range(count)])
    return pd.DataFrame(
        {
            "key": [f"{start:%m}-{n}" for n in range(count)],
            "event_time": times,
            "score": [n / 7 for n in range(count)],
            "version": version,
            "scored_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "wind": [float(n) for n in range(count)],
        }
    )


def attempt(number: int = 1, *, run: str = RUN, store: Store | None = None) -> Attempt:
    """An attempt that has begun, after all earlier ones."""
    store = store or MemoryStore()
    ref = RunRef("ferry", run, "score")
    for one in range(1, number + 1):
        store.create(f"{ref.folder}/attempt-{one:04d}.json", b"{}")
    return Attempt(store, ref, number)


def replace(
    scores: ScoreTable,
    *frames: pd.DataFrame,
    partition: str = "2013-05",
    features: str = "aaaaaaaaaaaa",
    features_version: int = 1,
    by: Attempt | None = None,
) -> int:
    """Replace a partition."""
    return scores.replace(
        "ferry",
        partition,
        frames,
        features=features,
        features_version=features_version,
        attempt=by or attempt(),
    )


def test_before_the_first_scoring_there_is_nothing(scores: ScoreTable) -> None:
    """A missing table is no error, also for monitoring."""
    assert scores.held("ferry") == {}
    assert scores.days("ferry") == []
    assert scores.count("ferry") == 0
    assert scores.read("ferry", columns=("key", "score")).empty
    assert replace(scores) == 0


def test_a_repeat_replaces_its_partition_and_no_other(scores: ScoreTable) -> None:
    """The rows are there once, whatever the size of chunks."""
    june = rows(10, start=MAY + timedelta(days=31))
    assert replace(scores, june, partition="2013-06") == 10
    assert replace(scores, rows(60)) == 60
    assert replace(scores, rows(30), rows(70).tail(40), by=attempt(2)) == 70
    assert scores.count("ferry") == 80
    assert scores.read("ferry")["key"].is_unique
    held = ScoredPartition("aaaaaaaaaaaa", 3)
    assert scores.held("ferry") == {"2013-05": held, "2013-06": held}


def test_a_partition_that_has_no_rows_any_more_is_empty(scores: ScoreTable) -> None:
    """The rows of the last scoring are removed."""
    replace(scores, rows(10))
    assert replace(scores, by=attempt(2)) == 0
    assert (scores.held("ferry"), scores.count("ferry")) == ({}, 0)


def test_it_is_read_as_the_prediction_log_is(scores: ScoreTable) -> None:
    """Half-open in event time, in its order, by version, with the requested columns."""
    replace(scores, rows(40).sample(frac=1, random_state=1), rows(60).tail(20))
    start, end = MAY + timedelta(hours=5), MAY + timedelta(hours=30)
    found = scores.read("ferry", start, end, version=3, columns=("key", "received_at", "score"))
    assert list(found["key"]) == [f"05-{n}" for n in range(5, 30)]
    assert set(found) == {"event_time", "version", "key", "received_at", "score"}
    assert (found["received_at"] == pd.Timestamp("2026-01-01", tz="UTC")).all()
    assert scores.count("ferry", start, end) == 25
    assert scores.count("ferry", start, end, version=2) == 0
    assert scores.days("ferry") == [date(2013, 5, day) for day in (1, 2, 3)]
    everything = scores.read("ferry")
    assert {"wind", "scored_at"} <= set(everything)
    assert not [name for name in everything if name.startswith("_")]
    assert "tide" not in scores.read("ferry", columns=("tide",))


def test_a_version_may_know_more_columns(scores: ScoreTable) -> None:
    """Older rows are null in new columns."""
    replace(scores, rows(5))
    june = rows(5, start=MAY + timedelta(days=31)).assign(port="Oban")
    replace(scores, june, partition="2013-06")
    found = scores.read("ferry").groupby(lambda n: n >= 5)["port"].count()
    assert found.to_dict() == {False: 0, True: 5}


def test_a_column_keeps_its_type(scores: ScoreTable) -> None:
    """A changed type is refused, since readers rely on it."""
    replace(scores, rows(5))
    with pytest.raises(BadBatch, match="wind has another type"):
        replace(scores, rows(5).assign(wind="calm"), by=attempt(2))


def test_an_older_attempt_may_not_commit(scores: ScoreTable) -> None:
    """Its rows would hide those of the newer attempt."""
    replace(scores, rows(5), by=attempt(2))
    with pytest.raises(Superseded):
        replace(scores, rows(7), by=attempt(1))
    assert scores.count("ferry") == 5


def test_an_attempt_is_checked_after_its_last_row(scores: ScoreTable) -> None:
    """A newer attempt may have begun during a long scoring."""
    store = MemoryStore()
    late = attempt(store=store)

    def slow() -> Iterator[pd.DataFrame]:
        yield rows(5)
        attempt(2, store=store)

    with pytest.raises(Superseded, match="attempt 1"):
        scores.replace("ferry", "2013-05", slow(), features="a", features_version=1, attempt=late)
    assert scores.count("ferry") == 0


def test_older_features_never_replace_newer_ones(scores: ScoreTable) -> None:
    """A scoring that listed older features is refused."""
    replace(scores, rows(5), features_version=4)
    with pytest.raises(Superseded):
        replace(scores, rows(7), features_version=3, by=attempt(run="score-2013-05-b-v3"))
    assert scores.count("ferry") == 5


def test_of_two_at_once_one_commits(scores: ScoreTable) -> None:
    """The other one raises a conflict and may retry; another partition is no conflict."""
    replace(scores, rows(3))

    def meanwhile(partition: str) -> Iterator[pd.DataFrame]:
        yield rows(5)
        replace(scores, rows(9), partition=partition, by=attempt(run="score-other"))

    run = {"features": "a", "features_version": 1, "attempt": attempt(2)}
    with pytest.raises(CommitConflict):
        scores.replace("ferry", "2013-05", meanwhile("2013-05"), **run)
    assert scores.count("ferry") == 9
    assert scores.replace("ferry", "2013-05", meanwhile("2013-06"), **run) == 5
    assert scores.count("ferry") == 14


def test_an_error_of_the_rows_is_raised_unchanged(scores: ScoreTable, root: str) -> None:
    """The writer does not wrap it, and nothing is committed."""
    replace(scores, rows(3))
    before = DeltaTable(f"{root}/tables/ferry/scores").version()

    def broken() -> Iterator[pd.DataFrame]:
        yield rows(5)
        raise BadRequest("the model cannot score these rows", where="column wind")

    with pytest.raises(BadRequest, match="cannot score these rows") as raised:
        scores.replace(
            "ferry", "2013-05", broken(), features="a", features_version=1, attempt=attempt(2)
        )
    assert raised.value.__cause__ is None
    assert DeltaTable(f"{root}/tables/ferry/scores").version() == before


def test_a_sample_is_bounded_seeded_and_counts_all_rows(scores: ScoreTable) -> None:
    """Monitoring samples scores as it does the prediction log, whatever the order of rows."""
    replace(scores, rows(300))
    first = scores.sample("ferry", rows=50, seed=7, columns=("wind",))
    replace(scores, rows(300).sample(frac=1, random_state=1), by=attempt(2))
    again = scores.sample("ferry", rows=50, seed=7, columns=("wind",))
    pd.testing.assert_frame_equal(first.rows, again.rows)
    assert set(first.rows) == {"event_time", "version", "wind"}
    assert (len(first.rows), first.count, first.keyed, first.repeated) == (50, 300, 300, 0)
    assert first.newest == MAY + timedelta(hours=299)
    other = scores.sample("ferry", rows=50, seed=8, columns=("wind",))
    assert set(other.rows["wind"]) != set(first.rows["wind"])


def test_a_stream_has_the_scores_that_are_read(scores: ScoreTable) -> None:
    """In batches with their keys, as of the prediction log; nothing without a table."""
    assert list(scores.stream("ferry")) == []
    replace(scores, rows(300))
    start, end = MAY + timedelta(hours=2), MAY + timedelta(hours=200)
    streamed = pd.concat(scores.stream("ferry", start, end, version=3, columns=("wind",)))
    whole = scores.read("ferry", start, end, version=3, columns=("wind", "key"))
    in_order = streamed.sort_values("event_time", ignore_index=True)[list(whole)]
    pd.testing.assert_frame_equal(in_order, whole)


def test_a_sample_of_few_scores_is_what_is_read(scores: ScoreTable) -> None:
    """Half-open in event time, by version, with the requested columns."""
    assert scores.sample("ferry", rows=5, seed=7).count == 0
    replace(scores, rows(40))
    start, end = MAY + timedelta(hours=5), MAY + timedelta(hours=30)
    sample = scores.sample("ferry", start, end, rows=99, seed=7, version=3, columns=("key",))
    whole = scores.read("ferry", start, end, version=3, columns=("key",))
    pd.testing.assert_frame_equal(sample.rows, whole)
    nothing = scores.sample("ferry", start, end, rows=99, seed=7, version=2)
    assert (nothing.count, len(nothing.rows), nothing.newest) == (0, 0, None)
