"""A dataset's tables: on disk and S3 as Delta tables, and in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from slipway.adapters.delta_tables import DeltaTables
from slipway.errors import BadBatch, CommitConflict, NotFound, StoreUnavailable, Superseded
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.support.racing import race

TABLE = "flights/features"
START = datetime(2013, 1, 1, tzinfo=UTC)

Tables = DeltaTables | MemoryTables


@pytest.fixture(params=["disk", "memory", "s3"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    """No tables yet, of each kind in turn."""
    if request.param == "disk":
        return DeltaTables(str(tmp_path))
    if request.param == "memory":
        return MemoryTables()
    return DeltaTables(request.getfixturevalue("s3_store"))


@pytest.fixture
def delta(tmp_path: Path) -> DeltaTables:
    """No Delta tables yet, on disk."""
    return DeltaTables(str(tmp_path))


def _rows(*hours: float, first: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": [f"k{first + row}" for row in range(len(hours))],
            "at": pd.to_datetime([START + timedelta(hours=hour) for hour in hours], utc=True),
            "seats": pd.array([None if row == 1 else row for row in range(len(hours))], "Int64"),
            "late": pd.array([row == 0 for row in range(len(hours))], "boolean"),
            "miles": [float(hour) for hour in hours],
        }
    )


def _attempt(number: int = 1, *, begun: int | None = None) -> Attempt:
    """Attempt `number` of a piece of work of which `begun` attempts have begun."""
    store, ref = MemoryStore(), RunRef("flights", "features-a", "ingest")
    for one in range(1, (begun or number) + 1):
        store.create(f"{ref.folder}/attempt-{one:04d}.json", b"{}")
    return Attempt(store, ref, number)


def _publish(
    tables: Tables, frame: pd.DataFrame, batch: str, *, writer: str = "w", attempt: int = 1
) -> int:
    return tables.publish(
        TABLE, frame, batch=batch, writer=writer, attempt=_attempt(attempt), note={"run": writer}
    )


def _keys(tables: Tables, **arguments: Any) -> list[str]:
    return sorted(tables.read(TABLE, **arguments)["key"])


def test_there_is_no_table_before_the_first_batch(tables: Tables) -> None:
    """What can answer for nothing does; reading nothing is not found."""
    assert tables.version(TABLE) is None
    assert tables.count(TABLE) == 0
    assert tables.newest(TABLE, "at") is None
    with pytest.raises(NotFound):
        tables.read(TABLE)


def test_rows_come_back_as_they_went_in(tables: Tables) -> None:
    """Each kind of column keeps its type and its gaps; the batch is written beside them."""
    frame = _rows(1, 2, 3)
    version = _publish(tables, frame, "2013-01")
    assert tables.version(TABLE) == version
    read = tables.read(TABLE).sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(read, frame.assign(_batch="2013-01"))
    assert {name: str(kind) for name, kind in read.dtypes.items()} == {
        "key": "str",
        "at": "datetime64[us, UTC]",
        "seats": "Int64",
        "late": "boolean",
        "miles": "float64",
        "_batch": "str",
    }


def test_types_are_widened_to_the_ones_that_tables_keep(tables: Tables) -> None:
    """Narrow numbers, other zones, other resolutions and categories become the table's types."""
    frame = _rows(1, 2).assign(
        key=pd.Categorical(["k0", "k1"]),
        at=lambda rows: rows["at"].dt.tz_convert("America/New_York").dt.as_unit("ns"),
        seats=pd.array([3, None], "Int16"),
        late=[True, False],
        miles=lambda rows: rows["miles"].astype("float32"),
    )
    _publish(tables, frame, "a")
    _publish(tables, _rows(3), "b", writer="b")
    assert str(tables.read(TABLE)["at"].dtype) == "datetime64[us, UTC]"
    assert tables.newest(TABLE, "at") == START + timedelta(hours=3)


def test_a_column_without_any_value_keeps_its_type(tables: Tables) -> None:
    """An all-null feature is stored and read as what it is."""
    frame = _rows(1, 2).assign(
        key=pd.array([None, None], "str"), seats=pd.array([None, None], "Int64"), miles=float("nan")
    )
    _publish(tables, frame, "a")
    read = tables.read(TABLE)
    assert read[["key", "seats", "miles"]].isna().all(axis=None)
    assert [str(read[name].dtype) for name in ("key", "seats")] == ["str", "Int64"]


def test_a_batch_replaces_itself_and_nothing_else(tables: Tables) -> None:
    """A new revision takes the place of the old one, in one version."""
    _publish(tables, _rows(1, 2), "a", writer="a")
    before = _publish(tables, _rows(3, first=5), "b", writer="b")
    after = _publish(tables, _rows(4, 5, 6, first=7), "a", writer="a, revised")
    assert after == before + 1
    assert _keys(tables) == ["k5", "k7", "k8", "k9"]
    assert tables.count(TABLE) == 4


def test_an_empty_revision_removes_the_batch(tables: Tables) -> None:
    """No rows are a state like any other."""
    _publish(tables, _rows(1, 2), "a", writer="a")
    _publish(tables, _rows(3, first=5), "b", writer="b")
    _publish(tables, _rows(1).iloc[:0], "a", writer="a, revised")
    assert _keys(tables) == ["k5"]


def test_old_versions_stay_readable(tables: Tables) -> None:
    """What a snapshot pinned, rows, counts and newest times, reads the same for ever."""
    first = _publish(tables, _rows(1, 2), "a", writer="a")
    second = _publish(tables, _rows(30, first=5), "a", writer="a, revised")
    assert _keys(tables, version=first) == ["k0", "k1"]
    assert _keys(tables, version=second) == ["k5"]
    assert tables.count(TABLE, version=first) == 2
    assert tables.newest(TABLE, "at", version=first) == START + timedelta(hours=2)


def test_a_version_that_never_was_is_not_found(tables: Tables) -> None:
    """Nobody gets the newest rows for a wrong number."""
    version = _publish(tables, _rows(1), "a")
    for call in (tables.read, tables.count, partial(tables.newest, column="at")):
        with pytest.raises(NotFound):
            call(TABLE, version=version + 1)


def test_reads_can_be_narrowed(tables: Tables) -> None:
    """To columns, and to rows that meet every condition."""
    _publish(tables, _rows(1, 2, 3, 4), "a", writer="a")
    _publish(tables, _rows(5, 6, first=4), "b", writer="b")
    since = START + timedelta(hours=2)
    read = tables.read(
        TABLE, columns=["key"], where=[("at", ">=", since), ("at", "<", START + timedelta(hours=5))]
    )
    assert list(read.columns) == ["key"]
    assert sorted(read["key"]) == ["k1", "k2", "k3"]
    assert _keys(tables, where=[("_batch", "=", "b")]) == ["k4", "k5"]
    assert _keys(tables, where=[("_batch", "in", ["b", "c"])]) == ["k4", "k5"]
    assert _keys(tables, where=[("seats", ">", 1)]) == ["k2", "k3"]


def test_newest_is_exact_to_the_microsecond(tables: Tables) -> None:
    """Though file statistics know milliseconds only."""
    exact = START + timedelta(hours=5, microseconds=123_456)
    _publish(tables, _rows(1, 9, 3), "a", writer="a")
    _publish(
        tables, _rows(1, 2).assign(at=pd.to_datetime([START, exact], utc=True)), "b", writer="b"
    )
    assert tables.newest(TABLE, "at") == START + timedelta(hours=9)
    _publish(tables, _rows(1), "a", writer="a, revised")
    assert tables.newest(TABLE, "at") == exact
    assert _keys(tables, where=[("at", ">=", exact)]) == ["k1"]


def test_newest_of_a_column_without_values_is_none(tables: Tables) -> None:
    """All null, or not there at all."""
    empty = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us, UTC]")
    _publish(tables, _rows(1, 2).assign(at=empty), "a")
    assert tables.newest(TABLE, "at") is None
    assert tables.newest(TABLE, "landed_at") is None


def test_columns_may_come_and_go(tables: Tables) -> None:
    """A new column is null in older batches, a missing one in newer ones."""
    _publish(tables, _rows(1), "a", writer="a")
    _publish(tables, _rows(2, first=1).assign(wind=[7.5]).drop(columns="miles"), "b", writer="b")
    read = tables.read(TABLE).sort_values("key", ignore_index=True)
    assert read["wind"].isna().tolist() == [True, False]
    assert read["miles"].isna().tolist() == [False, True]


def test_a_column_cannot_change_its_type(tables: Tables) -> None:
    """The error names the column and no value."""
    _publish(tables, _rows(1), "a", writer="a")
    with pytest.raises(BadBatch, match="column miles has another type") as caught:
        _publish(tables, _rows(1).assign(miles=["secret"]), "b", writer="b")
    assert "secret" not in str(caught.value)
    assert _keys(tables) == ["k0"]


@pytest.mark.parametrize(
    "column",
    [["secret", 1], [None, None], [START.replace(tzinfo=None), None], [b"secret", None]],
    ids=["mixed", "untyped", "zoneless", "bytes"],
)
def test_a_column_of_no_kept_type_is_refused(tables: Tables, column: list[Any]) -> None:
    """Mixed, untyped and zoneless columns have to be cast first; no value is echoed."""
    frame = _rows(1, 2).assign(odd=pd.Series(column, dtype="object"))
    with pytest.raises(BadBatch) as caught:
        _publish(tables, frame, "a")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert tables.version(TABLE) is None


@pytest.mark.parametrize("batch", ["it's", "a b", "100%", "é", "2013-01=x&y", 'a"b'])
def test_odd_batch_ids_stay_apart(tables: Tables, batch: str) -> None:
    """A batch's id is data, never part of a command or a path."""
    _publish(tables, _rows(1), "other", writer="other")
    for _ in range(2):
        _publish(tables, _rows(2, first=1), batch, writer="w")
    assert _keys(tables) == ["k0", "k1"]
    assert _keys(tables, where=[("_batch", "=", batch)]) == ["k1"]


def test_a_late_attempt_is_refused(tables: Tables) -> None:
    """An older attempt than has committed changes nothing, whatever the store of attempts says."""
    version = _publish(tables, _rows(1), "a", attempt=2)
    with pytest.raises(Superseded, match="attempt 1 may not commit"):
        _publish(tables, _rows(2, first=8), "a", attempt=1)
    assert (tables.version(TABLE), _keys(tables)) == (version, ["k0"])


def test_an_attempt_that_another_overtook_is_refused(tables: Tables) -> None:
    """Its check comes right before the commit."""
    with pytest.raises(Superseded, match="attempt 2 has begun since"):
        tables.publish(
            TABLE, _rows(1), batch="a", writer="w", attempt=_attempt(1, begun=2), note={}
        )
    assert tables.count(TABLE) == 0


def test_an_attempt_may_publish_again(tables: Tables) -> None:
    """A retry within the same attempt replaces what it wrote."""
    _publish(tables, _rows(1), "a")
    _publish(tables, _rows(2, first=1), "a")
    assert _keys(tables) == ["k1"]


def test_attempts_are_counted_for_each_piece_of_work(tables: Tables) -> None:
    """A new revision's first attempt is not late because the old revision took two."""
    _publish(tables, _rows(1), "a", writer="runs/a", attempt=2)
    _publish(tables, _rows(2, first=1), "a", writer="runs/a, revised", attempt=1)
    assert _keys(tables) == ["k1"]


def test_racing_batches_are_all_there_or_refused(tables: Tables) -> None:
    """Whoever was not told of a conflict is in the table, once."""
    _publish(tables, _rows(0), "first", writer="first")
    racers = [
        partial(_publish, tables, _rows(1, first=number), f"b{number}", writer=f"w{number}")
        for number in range(1, 6)
    ]
    results = race(racers)
    won = [f"k{number}" for number, result in enumerate(results, 1) if isinstance(result, int)]
    lost = [result for result in results if not isinstance(result, int)]
    assert _keys(tables) == ["k0", *won]
    assert all(isinstance(result, CommitConflict) for result in lost)


def test_racing_attempts_at_one_batch_leave_the_rows_of_one(tables: Tables) -> None:
    """Never a mixture, never both; losers are told."""
    results = race(
        [
            partial(_publish, tables, _rows(1, first=number), "a", attempt=number)
            for number in range(1, 5)
        ]
    )
    won = [number for number, result in enumerate(results, 1) if isinstance(result, int)]
    assert won
    assert _keys(tables) == [f"k{max(won)}"]
    lost = [result for result in results if not isinstance(result, int)]
    assert all(isinstance(result, CommitConflict | Superseded) for result in lost)


def test_a_commit_between_check_and_commit_is_a_conflict(delta: DeltaTables) -> None:
    """A newer attempt that commits in the last moment stands; the older one is refused."""
    _publish(delta, _rows(0), "a", attempt=1)

    class Overtaken(Attempt):
        def check(self) -> None:
            _publish(delta, _rows(2, first=2), "a", attempt=2)

    late = Overtaken(MemoryStore(), RunRef("flights", "features-a", "ingest"), 1)
    with pytest.raises(Superseded):
        delta.publish(TABLE, _rows(1, first=1), batch="a", writer="w", attempt=late, note={})
    assert _keys(delta) == ["k2"]


def test_another_writer_in_the_last_moment_is_a_conflict(delta: DeltaTables) -> None:
    """The same batch, written by another piece of work meanwhile: a retry can help."""
    _publish(delta, _rows(0), "a", writer="earlier")

    class Interrupted(Attempt):
        def check(self) -> None:
            _publish(delta, _rows(2, first=2), "a", writer="other")

    late = Interrupted(MemoryStore(), RunRef("flights", "features-a", "ingest"), 1)
    with pytest.raises(CommitConflict, match="another writer committed to flights/features"):
        delta.publish(TABLE, _rows(1, first=1), batch="a", writer="w", attempt=late, note={})
    assert _keys(delta) == ["k2"]


def test_the_note_is_in_the_tables_history(delta: DeltaTables, tmp_path: Path) -> None:
    """Any Delta reader sees which run wrote a version."""
    _publish(delta, _rows(0), "a", writer="runs/flights/features-a/ingest")
    table = DeltaTable(tmp_path / "tables" / TABLE)
    assert table.history(1)[0]["run"] == "runs/flights/features-a/ingest"
    assert table.metadata().partition_columns == ["_batch"]


def test_statistics_cover_wide_tables(delta: DeltaTables) -> None:
    """A time column beyond the first 32 is found too."""
    wide = pd.DataFrame({f"c{number}": [0.5] for number in range(50)})
    _publish(delta, wide.assign(at=pd.to_datetime([START], utc=True)), "a")
    assert delta.newest(TABLE, "at") == START


def test_a_dead_store_is_unavailable(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listening is our error, and never taken for an empty table."""
    tables = DeltaTables(s3_store)
    _publish(tables, _rows(1), "a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    results = race(
        [
            partial(tables.version, TABLE),
            partial(tables.read, TABLE),
            partial(tables.newest, TABLE, "at"),
            partial(tables.count, TABLE),
            partial(_publish, tables, _rows(1), "a"),
        ]
    )
    assert [type(result) for result in results] == [StoreUnavailable] * 5


def test_a_missing_data_file_is_unavailable(delta: DeltaTables, tmp_path: Path) -> None:
    """Rows that are gone are an error, not fewer rows."""
    _publish(delta, _rows(1), "a")
    for file in (tmp_path / "tables").rglob("*.parquet"):
        file.unlink()
    with pytest.raises(StoreUnavailable, match="could not read table flights/features"):
        delta.read(TABLE)


def test_a_broken_log_is_unavailable(delta: DeltaTables, tmp_path: Path) -> None:
    """A log that cannot be read is our error too."""
    _publish(delta, _rows(1), "a")
    for file in (tmp_path / "tables").rglob("_delta_log/*.json"):
        file.write_text("{")
    with pytest.raises(StoreUnavailable, match="could not open table flights/features"):
        delta.version(TABLE)


def test_a_root_on_s3_may_end_in_a_slash(s3_store: str) -> None:
    """Both ways of writing it name the same tables, as they name the same objects."""
    _publish(DeltaTables(f"{s3_store}/"), _rows(1), "a")
    assert _keys(DeltaTables(s3_store)) == ["k0"]
