"""What monitoring needs of a version is reduced once, and read from the store by later windows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import numpy as np
import pandas as pd
import pytest

from slipway.errors import Tampered
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import digest, encode
from slipway.spec import DatasetSpec
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.monitor.reference import derived_object
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.reference.derived_object import DerivedFrom, derive_once
from slipway.stages.monitor.reference.reference_sample import from_parts, reduce_reference, to_parts
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, PlainReports
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools

APRIL = datetime(2013, 4, 1, tzinfo=UTC)
KEY = DerivedFrom("ferry_delay", 3, "ab" * 32).key("sample", {})


class CountingRegistry(MonitoringRegistry):
    """A registry that counts its downloads, and has the digest of its version."""

    downloads = 0

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A sealed folder."""
        self.downloads += 1
        return super().download(model, version, to, sha256=sha256)


def registry() -> CountingRegistry:
    """A registry with version 1, trained on the first 90 days of the year."""
    rows = ferry_dataset.crossings(days=90).drop(columns=["crossing", "late"])
    made = CountingRegistry(
        "ferry_delay", references={1: rows}, numeric=["wind"], categorical=["port"]
    )
    with TemporaryDirectory() as folder:
        manifest = made.download("ferry_delay", 1, Path(folder)) / MANIFEST
        made.tags[1] = {DIGEST: digest(manifest.read_bytes()), "slipway.metric.roc_auc": "0.65"}
    made.downloads = 0
    return made


def drift(
    store: MemoryStore,
    known: CountingRegistry,
    window: str = "2013-04-v1",
    *,
    dataset: DatasetSpec | None = None,
) -> RunRecord:
    """The drift record of a month."""
    log = ferry_dataset.logged(ferry_dataset.crossings(days=60, start=APRIL, seed=2))
    return measure_drift(
        ferry_dataset.model(),
        dataset or ferry_dataset.dataset(),
        window=window,
        context=RunContext(store, {"by": "a test"}),
        registry=known,
        log=MemoryLog(log),
        reports=PlainReports(),
    )


def stored(store: MemoryStore) -> list[str]:
    """Keys of the derived objects."""
    return [one.key for one in store.list(derived_object.FOLDER)]


def test_a_second_window_downloads_nothing() -> None:
    """It reads the reduced reference of the first one; the folder with the model stays away."""
    store, known = MemoryStore(), registry()
    drift(store, known)
    assert known.downloads == 1
    before = stored(store)
    assert [key.split("/")[-1].partition("-")[0] for key in before] == ["facts", "sample"]
    drift(store, known, "2013-05-v1")
    assert (known.downloads, stored(store)) == (1, before)


def test_verdict_and_page_are_the_same_from_the_stored_reference() -> None:
    """A window that makes it and one that reads it give the same bytes."""
    first, made, read = MemoryStore(), MemoryStore(), MemoryStore()
    drift(first, registry())
    for key in stored(first):
        read.write(key, first.read(key))
    for store in (made, read):
        drift(store, registry(), "2013-05-v1")
    page = "reports/ferry_delay/2013-05-v1.html"
    records = [
        encode(drift(one, registry(), "2013-05-v1").verdict.to_json()) for one in (made, read)
    ]
    assert records[0] == records[1]
    assert made.read(page) == read.read(page)


def test_performance_reads_the_same_facts() -> None:
    """A window of drift spares that of performance the download."""
    rows, store, known = ferry_dataset.crossings(days=31), MemoryStore(), registry()
    tables = MemoryTables()
    ferry_dataset.publish(tables, rows, labels=rows)
    drift(store, known)
    record = measure_performance(
        ferry_dataset.model(),
        ferry_dataset.dataset(),
        window="2013-01-v1",
        context=RunContext(store, {"by": "a test"}),
        registry=known,
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=performance_tools(),
    )
    assert record.verdict.action == "ok"
    assert known.downloads == 1


def test_a_version_without_a_digest_stores_nothing() -> None:
    """Nothing tells whose reference it would be."""
    store, known = MemoryStore(), registry()
    known.tags[1] = {}
    drift(store, known)
    assert stored(store) == []


def test_a_column_that_is_not_watched_any_more_makes_another_sample() -> None:
    """What the dataset declares by now counts, and not what it declared at the first window."""
    store, known, made = (
        MemoryStore(),
        registry(),
        ferry_dataset.dataset().model_dump(by_alias=True),
    )
    drift(store, known)
    made["streams"]["features"]["columns"]["port"]["watch"] = False
    record = drift(store, known, "2013-05-v1", dataset=DatasetSpec.model_validate(made))
    assert "Not watched: `watch: false` (port)" in record.verdict.reason
    assert len(stored(store)) == 3


def test_a_folder_of_another_digest_is_refused() -> None:
    """A number that was given again is not taken for the version that is meant."""
    known = registry()
    known.tags[1] = {DIGEST: "0" * 64}
    with pytest.raises(Tampered, match="differs from the one that was registered"):
        drift(MemoryStore(), known)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-1], "another digest than in its header"),
        (lambda data: b"PAR1" + data, "no header of format 1"),
        (lambda _: b"", "no header of format 1"),
        (lambda data: data.replace(b'"format":1', b'"format":0'), "format 0 in place of 1"),
    ],
    ids=["torn", "foreign", "empty", "older"],
)
def test_a_damaged_object_is_made_again_and_the_verdict_says_so(
    damage: Callable[[bytes], bytes], said: str
) -> None:
    """The next window finds it whole."""
    store, known = MemoryStore(), registry()
    whole = drift(store, known).verdict
    for key in stored(store):
        store.write(key, damage(store.read(key)))
    again = MemoryStore()
    for key in stored(store):
        again.write(key, store.read(key))
    verdict = drift(again, known).verdict
    assert verdict.reason.startswith(whole.reason)
    assert verdict.reason.count(f"was damaged ({said}) and has been made again.") == 2
    assert dict(verdict.numbers) == dict(whole.numbers)
    assert "damaged" not in drift(again, known, "2013-05-v1").verdict.reason


def test_two_processes_that_make_one_object_at_once_get_the_same() -> None:
    """One of them stores it, and a third one reads that."""
    store, both = MemoryStore(), Barrier(2)

    def make() -> dict[str, bytes]:
        both.wait(timeout=60)
        return {"rows": b"abc", "none": b""}

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(derive_once, store, KEY, make) for _ in range(2)]
        parts = [one.result().parts for one in found]
    assert parts == [{"rows": b"abc", "none": b""}] * 2
    assert derive_once(store, KEY, dict).parts == parts[0]


def test_a_sample_is_what_was_stored() -> None:
    """Rows, times, calendar columns, bins and counts, with nulls and odd names."""
    times = pd.Series(pd.date_range("2013-01-01", periods=2000, freq="h", tz="UTC"))
    values = np.random.default_rng(3).normal(size=2000)
    rows = pd.DataFrame(
        {
            "times": values.round(2),
            "a\nb": np.where(values > 1, None, "x"),
            "hour": times.dt.hour,
            "nothing": None,
            "score": values,
        }
    )
    columns = Columns(("times", "hour", "score"), ("a\nb", "nothing"), "psi", "psi")
    made = reduce_reference(rows, times, columns, window=timedelta(hours=1))
    read = from_parts(to_parts(made))
    pd.testing.assert_frame_equal(read.rows, made.rows)
    pd.testing.assert_series_equal(read.times, made.times, check_names=False)
    assert read.calendar == made.calendar
    assert [one.name for one in read.calendar] == ["hour"]
    assert (read.counts.start, read.counts.unit) == (made.counts.start, timedelta(hours=1))
    assert read.counts.bins == made.counts.bins
    assert list(read.counts.counts) == list(made.counts.counts)
    for name, counts in made.counts.counts.items():
        np.testing.assert_array_equal(read.counts.counts[name], counts)


def test_a_change_of_what_is_derived_raises_the_format() -> None:
    """Bins and counts of a known reference are those of this format; else stored ones are stale."""
    times = pd.Series(pd.date_range("2013-01-01", periods=480, freq="h", tz="UTC"))
    rows = pd.DataFrame({"wind": np.arange(480) * 37 % 101, "score": np.arange(480) % 7 / 7})
    sample = reduce_reference(
        rows, times, Columns(("wind", "score"), (), "psi", "psi"), window=timedelta(days=7)
    )
    counts = {name: one.tolist() for name, one in sample.counts.counts.items()}
    found = digest(encode([counts, {name: one.edges for name, one in sample.counts.bins.items()}]))
    assert (derived_object.FORMAT, found[:12]) == (1, "d9896668c8ff")
