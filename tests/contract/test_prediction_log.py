"""The prediction log's readers, on segments in the store and on the fake."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.errors import NotComputable
from slipway.records.store import Store
from slipway.stages.ports import prediction_log
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog

NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC)
Make = Callable[[pd.DataFrame], prediction_log.PredictionLog]


def answered(count: int, *, version: int = 1, start: datetime = NEW_YEAR) -> pd.DataFrame:
    """Rows as the shipper writes them, one an hour."""
    times = pd.to_datetime([start + timedelta(hours=n) for n in range(count)], utc=True)
    return pd.DataFrame(
        {
            "request_id": [f"{version}-{n // 3}" for n in range(count)],
            "row": [n % 3 for n in range(count)],
            "key": [f"k{n}" for n in range(count)],
            "event_time": times,
            "received_at": times + timedelta(seconds=1),
            "version": version,
            "score": [n / count for n in range(count)],
            "wind": [float(n) for n in range(count)],
        }
    )


def ship(store: Store, rows: pd.DataFrame, *, segment: str) -> None:
    """Write rows as one segment per day."""
    for day, part in rows.groupby(rows["event_time"].dt.date):
        data = io.BytesIO()
        part.to_parquet(data, index=False)
        store.create(f"predictions/ferry/day={day}/{segment}.parquet", data.getvalue())


@pytest.fixture(params=["segments", "memory"])
def make(request: pytest.FixtureRequest) -> Make:
    """A function that makes a log of each kind with the given rows, each of them twice."""

    def segments(rows: pd.DataFrame) -> prediction_log.PredictionLog:
        store = MemoryStore()
        ship(store, rows, segment="a")
        ship(store, rows, segment="b")
        return PredictionLog(store)

    def memory(rows: pd.DataFrame) -> prediction_log.PredictionLog:
        return MemoryLog(pd.concat([rows, rows]))

    return segments if request.param == "segments" else memory


def test_a_row_that_was_shipped_twice_counts_once(make: Make) -> None:
    """Rows are identified by request and row number."""
    log = make(answered(60))
    assert len(log.read("ferry")) == log.count("ferry") == 60


def test_one_id_for_every_request_loses_no_row(make: Make) -> None:
    """V2 lets a client use one id for all requests; the keys distinguish the rows."""
    log = make(answered(60).assign(request_id="42", row=0))
    assert len(log.read("ferry", columns=["score"])) == log.count("ferry") == 60


def test_reading_is_half_open_in_event_time(make: Make) -> None:
    """The start is included and the end is not, also within a day."""
    log = make(answered(60))
    start, end = NEW_YEAR + timedelta(hours=5), NEW_YEAR + timedelta(hours=30)
    rows = log.read("ferry", start, end)
    assert list(rows["wind"]) == [float(n) for n in range(5, 30)]
    assert rows["event_time"].min() == start
    assert log.count("ferry", start, end) == 25


def test_reading_one_version_leaves_the_others_out(make: Make) -> None:
    """Each version has its own rows."""
    log = make(pd.concat([answered(40), answered(20, version=2)]))
    rows = log.read("ferry", version=2)
    assert (len(rows), set(rows["version"])) == (20, {2})
    assert log.count("ferry", version=3) == 0


def test_asked_columns_come_with_what_identifies_a_row(make: Make) -> None:
    """A reader gets the requested columns with identity, time and version."""
    rows = make(answered(10)).read("ferry", columns=["score"])
    assert set(rows.columns) == {"request_id", "row", "event_time", "version", "score"}


def test_days_are_those_of_event_time(make: Make) -> None:
    """The listing of days reads no rows; oldest first."""
    assert make(answered(30)).days("ferry") == [date(2013, 1, 1), date(2013, 1, 2)]


def test_a_sample_of_more_rows_than_there_are_is_all_of_them(make: Make) -> None:
    """It has rows, order and columns of `read`, and each prediction once."""
    log = make(answered(60))
    start, end = NEW_YEAR + timedelta(hours=5), NEW_YEAR + timedelta(hours=30)
    columns = ["wind", "unknown"]
    sample = log.sample("ferry", start, end, rows=1000, seed=7, version=1, columns=columns)
    whole = log.read("ferry", start, end, version=1, columns=columns)
    pd.testing.assert_frame_equal(sample.rows, whole)
    assert (sample.count, sample.is_whole) == (25, True)
    assert sample.newest == NEW_YEAR + timedelta(hours=29)


def test_a_stream_has_the_rows_that_are_read(make: Make) -> None:
    """In batches with their keys; a row that was shipped twice comes twice."""
    log = make(answered(60))
    start, end = NEW_YEAR + timedelta(hours=5), NEW_YEAR + timedelta(hours=30)
    batches = list(log.stream("ferry", start, end, version=1, columns=["wind", "unknown"]))
    streamed = pd.concat(batches).drop_duplicates(["request_id", "row", "key"])
    whole = log.read("ferry", start, end, version=1, columns=["key", "wind"])
    in_order = streamed.sort_values("event_time", ignore_index=True)[list(whole)]
    pd.testing.assert_frame_equal(in_order, whole)
    assert [list(one["wind"]) for one in log.stream("ferry", version=1, columns=["wind"])] == [
        list(one["wind"]) for one in log.stream("ferry", version=1, columns=["wind"])
    ]
    assert list(log.stream("ferry", version=9)) == []


def test_a_sample_is_bounded_and_its_counts_are_of_all_rows(make: Make) -> None:
    """Rows, keys that are predicted again, and the newest event are counted exactly."""
    rows = answered(300)
    keys = ["a", "a", "b", "b", "b", *rows["key"].iloc[5:280], *[None] * 20]
    log = make(rows.assign(key=keys))
    sample = log.sample("ferry", rows=50, seed=7)
    assert (len(sample.rows), sample.count, sample.is_whole) == (50, 300, False)
    assert (sample.keyed, sample.repeated) == (280, 5)
    assert sample.newest == NEW_YEAR + timedelta(hours=299)
    assert sample.rows["event_time"].is_monotonic_increasing
    assert not sample.rows.duplicated(["request_id", "row"]).any()


def test_a_seed_gives_its_sample_again_and_another_seed_another(make: Make) -> None:
    """A verdict can be computed again."""
    log = make(answered(300))
    first, again, other = (log.sample("ferry", rows=50, seed=seed).rows for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(first, again)
    assert set(first["wind"]) != set(other["wind"])


def test_every_row_has_the_same_chance_to_be_in_a_sample(make: Make) -> None:
    """Over 200 seeds each of 100 rows is in about a fifth of the samples."""
    log = make(answered(100))
    seen = pd.concat([log.sample("ferry", rows=20, seed=seed).rows for seed in range(200)])
    shares = seen["wind"].value_counts().reindex(range(100), fill_value=0) / 200
    assert shares.between(0.2 - 0.14, 0.2 + 0.14).all()
    assert abs(shares.iloc[:50].mean() - 0.2) < 0.02


def test_a_sample_of_one_version_leaves_the_others_out(make: Make) -> None:
    """Neither rows nor counts are of another version."""
    log = make(pd.concat([answered(40), answered(20, version=2)]))
    sample = log.sample("ferry", rows=10, seed=7, version=2)
    assert (set(sample.rows["version"]), sample.count) == ({2}, 20)
    nothing = log.sample("ferry", rows=10, seed=7, version=3)
    assert (len(nothing.rows), nothing.count, nothing.newest) == (0, 0, None)


def test_the_order_of_segments_does_not_change_a_sample() -> None:
    """Rows that were shipped in other segments, with repeats, give the same sample."""
    rows = answered(300)
    one, other = MemoryStore(), MemoryStore()
    ship(one, rows.iloc[:200], segment="a")
    ship(one, rows.iloc[150:], segment="b")
    shuffled = rows.sample(frac=1, random_state=3)
    ship(other, shuffled.iloc[:90], segment="x")
    ship(other, shuffled.iloc[60:], segment="y")
    first, second = (
        PredictionLog(store).sample("ferry", rows=40, seed=7).rows for store in (one, other)
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_sample_names_a_truncated_segment() -> None:
    """A segment that is not Parquet makes no smaller sample."""
    store = MemoryStore()
    store.create("predictions/ferry/day=2013-01-01/a.parquet", b"PAR1 and no more")
    with pytest.raises(NotComputable) as refused:
        PredictionLog(store).sample("ferry", rows=10, seed=7)
    assert refused.value.where == "predictions/ferry/day=2013-01-01/a.parquet"


@pytest.mark.parametrize("kind", ["disk", "s3"])
def test_segments_are_read_from_every_store(
    kind: str, request: pytest.FixtureRequest, tmp_path: object
) -> None:
    """The same segments read the same on a local disk and on S3."""
    root = request.getfixturevalue("s3_store") if kind == "s3" else str(tmp_path)
    store = open_store(root)
    ship(store, answered(30), segment="a")
    assert PredictionLog(store).count("ferry") == 30


def test_an_empty_log_has_no_rows() -> None:
    """A model without requests has no days and no rows, but all columns."""
    log = PredictionLog(MemoryStore())
    assert log.days("ferry") == []
    assert log.count("ferry") == 0
    assert "score" in log.read("ferry", columns=["score"])


def test_times_may_be_text_and_versions_too() -> None:
    """Times come back in UTC and versions as numbers, whatever the shipper's types."""
    store = MemoryStore()
    rows = answered(5)
    text = rows["event_time"].map(lambda moment: moment.isoformat())
    data = io.BytesIO()
    rows.assign(event_time=text, version=rows["version"].astype(str)).to_parquet(data)
    store.create("predictions/ferry/day=2013-01-01/a.parquet", data.getvalue())
    read = PredictionLog(store).read("ferry", version=1)
    assert list(read["event_time"]) == list(rows["event_time"])


def test_a_column_may_be_all_null_in_one_segment_and_missing_in_another() -> None:
    """Segments of different servers are combined; a missing column is null."""
    store = MemoryStore()
    first, second = answered(3), answered(3, version=2)
    ship(store, first.assign(wind=None), segment="a")
    ship(store, second, segment="b")
    ship(store, answered(3, version=3).drop(columns="wind"), segment="c")
    assert int(PredictionLog(store).read("ferry")["wind"].notna().sum()) == 3


def test_a_truncated_segment_is_named() -> None:
    """The error names the segment that is not Parquet."""
    store = MemoryStore()
    store.create("predictions/ferry/day=2013-01-01/a.parquet", b"PAR1 and no more")
    with pytest.raises(NotComputable) as refused:
        PredictionLog(store).read("ferry")
    assert refused.value.where == "predictions/ferry/day=2013-01-01/a.parquet"


def test_a_segment_that_rotted_in_the_middle_is_named() -> None:
    """The error names a segment with a whole footer and broken pages."""
    store = MemoryStore()
    ship(store, answered(24), segment="a")
    (entry,) = store.list("predictions/ferry")
    data = store.read(entry.key)
    store.write(entry.key, data[:4] + bytes(200) + data[204:])
    with pytest.raises(NotComputable) as refused:
        PredictionLog(store).read("ferry")
    assert refused.value.where == entry.key


def test_segments_that_disagree_about_a_type_are_an_error_of_ours() -> None:
    """Numbers in one segment and texts in another cannot be compared."""
    store = MemoryStore()
    ship(store, answered(3), segment="a")
    ship(store, answered(3, version=2).assign(wind="gale"), segment="b")
    with pytest.raises(NotComputable, match="disagree"):
        PredictionLog(store).read("ferry")


def test_another_versions_types_do_not_matter_to_one_version() -> None:
    """A change of a column's type in a later spec does not break windows of earlier versions."""
    store = MemoryStore()
    ship(store, answered(3), segment="a")
    ship(store, answered(3, version=2).assign(wind="gale"), segment="b")
    log = PredictionLog(store)
    assert list(log.read("ferry", version=1)["wind"]) == [0.0, 1.0, 2.0]
    assert list(log.read("ferry", version=2)["wind"]) == ["gale"] * 3
