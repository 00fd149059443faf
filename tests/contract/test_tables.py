"""Tables of a dataset: one contract for Delta tables on disk and S3, and for the fake."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.delta_tables import DeltaTables
from slipway.errors import BadBatch, CommitConflict, NotFound, Superseded
from tests.fakes.memory_tables import MemoryTables
from tests.support.racing import race
from tests.support.table_rows import START, TABLE, Tables, begun_attempt, keys, publish, rows_at


@pytest.fixture(params=["disk", "memory", "s3"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    """Empty tables of each kind in turn."""
    if request.param == "disk":
        return DeltaTables(str(tmp_path))
    if request.param == "memory":
        return MemoryTables()
    return DeltaTables(request.getfixturevalue("s3_store"))


def test_there_is_no_table_before_the_first_batch(tables: Tables) -> None:
    """Version, count and newest are None or 0; a read raises `NotFound`."""
    assert tables.version(TABLE) is None
    assert tables.count(TABLE) == 0
    assert tables.newest(TABLE, "at") is None
    with pytest.raises(NotFound):
        tables.read(TABLE)


def test_rows_come_back_as_they_went_in(tables: Tables) -> None:
    """Each kind of column keeps its type and its gaps; the batch is written beside them."""
    frame = rows_at(1, 2, 3)
    version = publish(tables, frame, "2013-01")
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


def test_rows_with_a_value_of_a_column_are_counted(tables: Tables) -> None:
    """Of batches from before the column was there, none is."""
    publish(tables, rows_at(1, 2), "2013-01")
    assert tables.count(TABLE, present="verdict") == 0
    verdicts = pd.Series([1, None, 0], dtype="Int64")
    version = publish(tables, rows_at(3, 4, 5).assign(verdict=verdicts), "2013-02")
    assert tables.count(TABLE) == 5
    assert tables.count(TABLE, present="verdict") == 2
    assert tables.count(TABLE, version=version, present="verdict") == 2


def test_types_are_widened_to_the_ones_that_tables_keep(tables: Tables) -> None:
    """Narrow numbers, other zones, other resolutions and categories become the table's types."""
    frame = rows_at(1, 2).assign(
        key=pd.Categorical(["k0", "k1"]),
        at=lambda rows: rows["at"].dt.tz_convert("America/New_York").dt.as_unit("ns"),
        seats=pd.array([3, None], "Int16"),
        late=[True, False],
        miles=lambda rows: rows["miles"].astype("float32"),
    )
    publish(tables, frame, "a")
    publish(tables, rows_at(3), "b", writer="b")
    assert str(tables.read(TABLE)["at"].dtype) == "datetime64[us, UTC]"
    assert tables.newest(TABLE, "at") == START + timedelta(hours=3)


def test_a_column_without_any_value_keeps_its_type(tables: Tables) -> None:
    """An all-null feature keeps its declared type."""
    frame = rows_at(1, 2).assign(
        key=pd.array([None, None], "str"), seats=pd.array([None, None], "Int64"), miles=float("nan")
    )
    publish(tables, frame, "a")
    read = tables.read(TABLE)
    assert read[["key", "seats", "miles"]].isna().all(axis=None)
    assert [str(read[name].dtype) for name in ("key", "seats")] == ["str", "Int64"]


def test_a_batch_replaces_itself_and_nothing_else(tables: Tables) -> None:
    """A new revision takes the place of the old one, in one version."""
    publish(tables, rows_at(1, 2), "a", writer="a")
    before = publish(tables, rows_at(3, first=5), "b", writer="b")
    after = publish(tables, rows_at(4, 5, 6, first=7), "a", writer="a, revised")
    assert after == before + 1
    assert keys(tables) == ["k5", "k7", "k8", "k9"]
    assert tables.count(TABLE) == 4


def test_an_empty_revision_removes_the_batch(tables: Tables) -> None:
    """A revision without rows is valid."""
    publish(tables, rows_at(1, 2), "a", writer="a")
    publish(tables, rows_at(3, first=5), "b", writer="b")
    publish(tables, rows_at(1).iloc[:0], "a", writer="a, revised")
    assert keys(tables) == ["k5"]


def test_old_versions_stay_readable(tables: Tables) -> None:
    """Rows, counts and newest times of a pinned version never change."""
    first = publish(tables, rows_at(1, 2), "a", writer="a")
    second = publish(tables, rows_at(30, first=5), "a", writer="a, revised")
    assert keys(tables, version=first) == ["k0", "k1"]
    assert keys(tables, version=second) == ["k5"]
    assert tables.count(TABLE, version=first) == 2
    assert tables.newest(TABLE, "at", version=first) == START + timedelta(hours=2)


def test_a_version_that_never_was_is_not_found(tables: Tables) -> None:
    """A wrong number never reads the newest rows."""
    version = publish(tables, rows_at(1), "a")
    for call in (tables.read, tables.count, partial(tables.newest, column="at")):
        with pytest.raises(NotFound):
            call(TABLE, version=version + 1)


def test_reads_can_be_narrowed(tables: Tables) -> None:
    """To columns, and to rows that meet all conditions."""
    publish(tables, rows_at(1, 2, 3, 4), "a", writer="a")
    publish(tables, rows_at(5, 6, first=4), "b", writer="b")
    since = START + timedelta(hours=2)
    read = tables.read(
        TABLE, columns=["key"], where=[("at", ">=", since), ("at", "<", START + timedelta(hours=5))]
    )
    assert list(read.columns) == ["key"]
    assert sorted(read["key"]) == ["k1", "k2", "k3"]
    assert keys(tables, where=[("_batch", "=", "b")]) == ["k4", "k5"]
    assert keys(tables, where=[("_batch", "in", ["b", "c"])]) == ["k4", "k5"]
    assert keys(tables, where=[("seats", ">", 1)]) == ["k2", "k3"]


def test_newest_is_exact_to_the_microsecond(tables: Tables) -> None:
    """File statistics have only milliseconds."""
    exact = START + timedelta(hours=5, microseconds=123_456)
    publish(tables, rows_at(1, 9, 3), "a", writer="a")
    publish(
        tables, rows_at(1, 2).assign(at=pd.to_datetime([START, exact], utc=True)), "b", writer="b"
    )
    assert tables.newest(TABLE, "at") == START + timedelta(hours=9)
    publish(tables, rows_at(1), "a", writer="a, revised")
    assert tables.newest(TABLE, "at") == exact
    assert keys(tables, where=[("at", ">=", exact)]) == ["k1"]


def test_newest_can_leave_a_batch_out(tables: Tables) -> None:
    """The newest time of the other batches, also where a file of the batch is newer."""
    publish(tables, rows_at(1, 9), "a", writer="a")
    assert tables.newest(TABLE, "at", besides="a") is None
    publish(tables, rows_at(4, 12, first=2), "b", writer="b")
    assert tables.newest(TABLE, "at", besides="b") == START + timedelta(hours=9)
    assert tables.newest(TABLE, "at", besides="a") == START + timedelta(hours=12)
    assert tables.newest(TABLE, "at", besides="it's") == START + timedelta(hours=12)


def test_notes_and_columns_are_of_a_version(tables: Tables) -> None:
    """Notes are in the order of the commits; a later commit adds none to an older version."""
    first = publish(tables, rows_at(1), "a", writer="one")
    publish(tables, rows_at(2, first=1).assign(wind=1.5), "b", writer="two")
    second = tables.version(TABLE)
    assert second is not None
    assert [one["run"] for one in tables.notes(TABLE, version=second) if "run" in one] == [
        "one",
        "two",
    ]
    assert [one["run"] for one in tables.notes(TABLE, version=first) if "run" in one] == ["one"]
    assert set(tables.columns(TABLE, version=second)) == {
        *tables.columns(TABLE, version=first),
        "wind",
    }
    for call in (tables.notes, tables.columns):
        with pytest.raises(NotFound):
            call(TABLE, version=second + 1)


def test_newest_of_a_column_without_values_is_none(tables: Tables) -> None:
    """All null, or missing."""
    empty = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us, UTC]")
    publish(tables, rows_at(1, 2).assign(at=empty), "a")
    assert tables.newest(TABLE, "at") is None
    assert tables.newest(TABLE, "landed_at") is None


def test_columns_may_come_and_go(tables: Tables) -> None:
    """A new column is null in older batches, a missing one in newer ones."""
    publish(tables, rows_at(1), "a", writer="a")
    publish(tables, rows_at(2, first=1).assign(wind=[7.5]).drop(columns="miles"), "b", writer="b")
    read = tables.read(TABLE).sort_values("key", ignore_index=True)
    assert read["wind"].isna().tolist() == [True, False]
    assert read["miles"].isna().tolist() == [False, True]


def test_a_column_cannot_change_its_type(tables: Tables) -> None:
    """The error names the column and no value."""
    publish(tables, rows_at(1), "a", writer="a")
    with pytest.raises(BadBatch, match="column miles has another type") as caught:
        publish(tables, rows_at(1).assign(miles=["secret"]), "b", writer="b")
    assert "secret" not in str(caught.value)
    assert keys(tables) == ["k0"]


@pytest.mark.parametrize(
    "column",
    [["secret", 1], [None, None], [START.replace(tzinfo=None), None], [b"secret", None]],
    ids=["mixed", "untyped", "zoneless", "bytes"],
)
def test_a_column_of_no_kept_type_is_refused(tables: Tables, column: list[Any]) -> None:
    """Mixed, untyped and zoneless columns have to be cast first; the error has no value."""
    frame = rows_at(1, 2).assign(odd=pd.Series(column, dtype="object"))
    with pytest.raises(BadBatch) as caught:
        publish(tables, frame, "a")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert tables.version(TABLE) is None


@pytest.mark.parametrize("batch", ["it's", "a b", "100%", "é", "2013-01=x&y", 'a"b'])
def test_odd_batch_ids_stay_apart(tables: Tables, batch: str) -> None:
    """A batch's id is data, never part of a command or a path."""
    publish(tables, rows_at(1), "other", writer="other")
    for _ in range(2):
        publish(tables, rows_at(2, first=1), batch, writer="w")
    assert keys(tables) == ["k0", "k1"]
    assert keys(tables, where=[("_batch", "=", batch)]) == ["k1"]


def test_a_late_attempt_is_refused(tables: Tables) -> None:
    """A newer attempt has committed, so an older one changes nothing."""
    version = publish(tables, rows_at(1), "a", attempt=2)
    with pytest.raises(Superseded, match="attempt 1 may not commit"):
        publish(tables, rows_at(2, first=8), "a", attempt=1)
    assert (tables.version(TABLE), keys(tables)) == (version, ["k0"])


def test_an_earlier_delivery_never_replaces_a_later_one(tables: Tables) -> None:
    """Of its own batch; a repeat of the same one and other batches are free."""
    for number, batch, hour in ((5, "a", 1), (5, "a", 2), (4, "b", 3), (7, "a", 4)):
        frame = rows_at(hour, first=number)
        publish(tables, frame, batch, writer=f"w{number}", delivery=number)
    with pytest.raises(Superseded, match="delivery 6 may not replace"):
        publish(tables, rows_at(9, first=6), "a", writer="w6", delivery=6)
    assert keys(tables) == ["k4", "k7"]


def test_an_attempt_that_another_overtook_is_refused(tables: Tables) -> None:
    """The check comes right before the commit."""
    with pytest.raises(Superseded, match="attempt 2 has begun since"):
        tables.publish(
            TABLE, [rows_at(1)], batch="a", writer="w", attempt=begun_attempt(1, begun=2), note={}
        )
    assert tables.count(TABLE) == 0


def test_an_attempt_may_publish_again(tables: Tables) -> None:
    """A retry within the same attempt replaces what it wrote."""
    publish(tables, rows_at(1), "a")
    publish(tables, rows_at(2, first=1), "a")
    assert keys(tables) == ["k1"]


def test_attempts_are_counted_for_each_piece_of_work(tables: Tables) -> None:
    """A new revision's first attempt is not refused because the old revision took two."""
    publish(tables, rows_at(1), "a", writer="runs/a", attempt=2)
    publish(tables, rows_at(2, first=1), "a", writer="runs/a, revised", attempt=1)
    assert keys(tables) == ["k1"]


def test_racing_batches_are_all_there_or_refused(tables: Tables) -> None:
    """Every batch whose writer saw no conflict is in the table once."""
    publish(tables, rows_at(0), "first", writer="first")
    racers = [
        partial(publish, tables, rows_at(1, first=number), f"b{number}", writer=f"w{number}")
        for number in range(1, 6)
    ]
    results = race(racers)
    won = [f"k{number}" for number, result in enumerate(results, 1) if isinstance(result, int)]
    lost = [result for result in results if not isinstance(result, int)]
    assert keys(tables) == ["k0", *won]
    assert all(isinstance(result, CommitConflict) for result in lost)


def test_racing_attempts_at_one_batch_leave_the_rows_of_one(tables: Tables) -> None:
    """One batch's rows are of one attempt; the others raise."""
    results = race(
        [
            partial(publish, tables, rows_at(1, first=number), "a", attempt=number)
            for number in range(1, 5)
        ]
    )
    won = [number for number, result in enumerate(results, 1) if isinstance(result, int)]
    assert won
    assert keys(tables) == [f"k{max(won)}"]
    lost = [result for result in results if not isinstance(result, int)]
    assert all(isinstance(result, CommitConflict | Superseded) for result in lost)
