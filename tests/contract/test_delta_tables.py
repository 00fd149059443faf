"""Delta tables: commits that race, their history and statistics, and errors of the store."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.delta_tables.table_dataset import as_filter, open_dataset
from slipway.errors import BadBatch, CommitConflict, StoreUnavailable, Superseded
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from tests.fakes.memory_store import MemoryStore
from tests.support.racing import race
from tests.support.table_rows import START, TABLE, keys, publish, rows_at


@pytest.fixture
def delta(tmp_path: Path) -> DeltaTables:
    """Delta tables on disk, empty."""
    return DeltaTables(str(tmp_path))


def test_a_commit_between_check_and_commit_is_a_conflict(delta: DeltaTables) -> None:
    """The commit of a newer attempt stands; the older attempt is refused."""
    publish(delta, rows_at(0), "a", attempt=1)

    class Overtaken(Attempt):
        def check(self) -> None:
            publish(delta, rows_at(2, first=2), "a", attempt=2)

    late = Overtaken(MemoryStore(), RunRef("flights", "features-a", "ingest"), 1)
    with pytest.raises(Superseded):
        delta.publish(TABLE, [rows_at(1, first=1)], batch="a", writer="w", attempt=late, note={})
    assert keys(delta) == ["k2"]


def test_another_writer_in_the_last_moment_is_a_conflict(delta: DeltaTables) -> None:
    """The same batch, written by another run meanwhile: a retry can succeed."""
    publish(delta, rows_at(0), "a", writer="earlier")

    class Interrupted(Attempt):
        def check(self) -> None:
            publish(delta, rows_at(2, first=2), "a", writer="other")

    late = Interrupted(MemoryStore(), RunRef("flights", "features-a", "ingest"), 1)
    with pytest.raises(CommitConflict, match="another writer committed to flights/features"):
        delta.publish(TABLE, [rows_at(1, first=1)], batch="a", writer="w", attempt=late, note={})
    assert keys(delta) == ["k2"]


def test_the_note_is_in_the_tables_history(delta: DeltaTables, tmp_path: Path) -> None:
    """Any Delta reader sees which run wrote a version."""
    publish(delta, rows_at(0), "a", writer="runs/flights/features-a/ingest")
    table = DeltaTable(tmp_path / "tables" / TABLE)
    assert table.history(1)[0]["run"] == "runs/flights/features-a/ingest"
    assert table.metadata().partition_columns == ["_batch"]


def test_a_column_that_changed_its_case_is_named(delta: DeltaTables) -> None:
    """Delta Lake takes both names for one; its own error is translated."""
    frame = rows_at(0)
    publish(delta, frame.assign(price=1.0), "a")
    with pytest.raises(BadBatch, match="column Price differs from the table's column price"):
        publish(delta, frame.assign(Price=1.0), "b")
    publish(delta, frame.assign(price=2.0), "b")


def test_statistics_cover_wide_tables(delta: DeltaTables) -> None:
    """The newest time in a column beyond the first 32 is found."""
    wide = pd.DataFrame({f"c{number}": [0.5] for number in range(50)})
    publish(delta, wide.assign(at=pd.to_datetime([START], utc=True)), "a")
    assert delta.newest(TABLE, "at") == START


def test_a_dead_store_is_unavailable(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection raises `StoreUnavailable` and is not taken for an empty table."""
    tables = DeltaTables(s3_store)
    publish(tables, rows_at(1), "a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    results = race(
        [
            partial(tables.version, TABLE),
            partial(tables.read, TABLE),
            partial(tables.newest, TABLE, "at"),
            partial(tables.count, TABLE),
            partial(publish, tables, rows_at(1), "a"),
        ]
    )
    assert [type(result) for result in results] == [StoreUnavailable] * 5


def test_a_missing_data_file_is_unavailable(delta: DeltaTables, tmp_path: Path) -> None:
    """Missing data files are an error, not fewer rows."""
    publish(delta, rows_at(1), "a")
    for file in (tmp_path / "tables").rglob("*.parquet"):
        file.unlink()
    with pytest.raises(StoreUnavailable, match="could not read table flights/features"):
        delta.read(TABLE)


def test_a_broken_log_is_unavailable(delta: DeltaTables, tmp_path: Path) -> None:
    """An unreadable log raises `StoreUnavailable` too."""
    publish(delta, rows_at(1), "a")
    for file in (tmp_path / "tables").rglob("_delta_log/*.json"):
        file.write_text("{")
    with pytest.raises(StoreUnavailable, match="could not open table flights/features"):
        delta.version(TABLE)


def test_a_root_on_s3_may_end_in_a_slash(s3_store: str) -> None:
    """A slash at the end changes nothing: tables and objects have the same names."""
    publish(DeltaTables(f"{s3_store}/"), rows_at(1), "a")
    assert keys(DeltaTables(s3_store)) == ["k0"]


def test_a_file_promises_its_partition_alone(delta: DeltaTables, tmp_path: Path) -> None:
    """By statistics files are left out; promised for each column they cost seconds to read by."""
    publish(delta, rows_at(0, 1), "a")
    publish(delta, rows_at(2, first=2), "b's")
    opened = DeltaTable(str(tmp_path / "tables" / TABLE))
    whole = opened.to_pyarrow_dataset()
    assert ">=" in str(next(whole.get_fragments()).partition_expression)
    read = open_dataset(opened)
    promised = {str(one.partition_expression) for one in read.get_fragments()}
    assert promised == {'(_batch == "a")', '(_batch == "b\'s")'}
    assert read.schema == whole.schema
    later = as_filter([("at", ">=", rows_at(2)["at"].min())])
    [file] = open_dataset(opened, later).get_fragments()
    assert "_batch=b" in file.path
    assert sorted(read.to_table()["_batch"].to_pylist()) == ["a", "a", "b's"]


def test_thousands_of_columns_are_read_in_time(delta: DeltaTables) -> None:
    """Seconds of the processor; by each column's statistics they were above ten."""
    wide = pd.DataFrame({f"c{number}": [0.5, 1.5] for number in range(1200)})
    publish(delta, rows_at(0, 1).join(wide), "a")
    began = time.process_time()
    rows = delta.read(TABLE)
    assert time.process_time() - began < 5
    assert rows.shape[1] >= 1200
