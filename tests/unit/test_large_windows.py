"""Windows whose keys and labels are streamed: exact counts, and a seeded sample that is judged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.errors import NotComputable
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.labels import label_stream, window_keys
from slipway.stages.monitor.labels.label_join import (
    EVENT_TIME,
    JoinedLabels,
    join_labels,
    join_window,
    read_labels,
)
from slipway.stages.monitor.labels.label_stream import LabelStream
from slipway.stages.monitor.labels.window_keys import WindowPredictions, sample_keys
from slipway.stages.monitor.performance.measure_performance import tell_judged
from slipway.stages.monitor.windows.windows import parse_monitored_window
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog
from tests.support import ferry_dataset

JANUARY = parse_monitored_window("2013-01-v1", "month")
ROWS = ferry_dataset.crossings(days=31)
LOGGED = ferry_dataset.logged(ROWS)
COLUMNS = ("score",)


def tables_of(*labels: pd.DataFrame) -> MemoryTables:
    """Tables with labels, in the order of their delivery."""
    tables = MemoryTables()
    for number, one in enumerate(labels):
        first = ROWS.assign(departs=ROWS["departs"] + timedelta(days=400 * number))
        ferry_dataset.publish(tables, first, labels=one, delivery=number + 1)
    return tables


def joined(
    log: MemoryLog, tables: MemoryTables, *, most: int = 500_000, seed: int = 7
) -> tuple[pd.DataFrame, JoinedLabels]:
    """Predictions of January with their labels."""
    dataset = ferry_dataset.dataset()
    return join_window(
        WindowPredictions(log, "ferry_delay", JANUARY, "string"),
        LabelStream(tables, dataset, "late", tables.version("ferries/labels")),
        columns=COLUMNS,
        seed=seed,
        most=most,
    )


def as_before(log: MemoryLog, tables: MemoryTables) -> JoinedLabels:
    """The same, of all rows and labels in memory."""
    dataset, window = ferry_dataset.dataset(), JANUARY.window
    rows = log.read(
        "ferry_delay", window.start, window.end, version=1, columns=["key", "received_at", "score"]
    )
    labels = read_labels(tables, dataset, "late", version=tables.version("ferries/labels"))
    return join_labels(rows, labels)


def muddled() -> pd.DataFrame:
    """Predictions that were shipped twice, asked again, or have no key, in no order of files."""
    again = LOGGED.iloc[:300].assign(request_id="again", score=0.5)
    again["received_at"] += pd.Timedelta(hours=1)
    keyless = LOGGED.iloc[300:310].assign(request_id="keyless", key=None)
    same = LOGGED.iloc[500:600].assign(request_id="same", score=0.25)
    rows = pd.concat([LOGGED, again, LOGGED.iloc[100:200], keyless, same])
    return rows.sample(frac=1, random_state=3, ignore_index=True)


def corrected() -> MemoryTables:
    """Labels of which some were corrected, and some taken back, by a later delivery."""
    labels = ROWS.iloc[:1200].assign(late=ROWS["late"].astype("Int64"))
    later = labels.iloc[:100].assign(late=lambda rows: 1 - rows["late"])
    later.loc[later.index[:40], "late"] = pd.NA
    return tables_of(labels, later)


@pytest.fixture(params=["whole", "compacted"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Chunks of all labels and chunks of few, of which none stay in memory."""
    if request.param == "compacted":
        monkeypatch.setattr(label_stream, "CHUNK_ROWS", 64)
        monkeypatch.setattr(label_stream, "MOST_KEPT", 0)
    return str(request.param)


def test_a_streamed_window_is_joined_as_one_in_memory(memory: str) -> None:
    """Rows, labels and counts are the same: newest prediction, newest label, each row once."""
    assert memory
    log, tables = MemoryLog(muddled()), corrected()
    logged, found = joined(log, tables)
    expected = as_before(log, tables)
    pd.testing.assert_frame_equal(found.rows, expected.rows.reset_index(drop=True))
    assert list(logged["score"]) == list(found.rows["score"])
    counts = ("predicted", "labelled", "without_key", "repeated", "unlabelled")
    assert [getattr(found, one) for one in counts] == [getattr(expected, one) for one in counts]
    assert (found.predicted, found.labelled) == (1240, 1160)
    assert (found.without_key, found.repeated) == (10, 400)


def test_a_sample_is_bounded_and_its_counts_are_exact() -> None:
    """It is uniform over the labelled keys, and has their newest predictions."""
    log, tables = MemoryLog(muddled()), corrected()
    _, whole = joined(log, tables)
    logged, found = joined(log, tables, most=200)
    assert (len(found.rows), len(logged)) == (200, 200)
    assert (found.predicted, found.labelled, found.repeated) == (1240, 1160, 400)
    known = set(whole.rows[EVENT_TIME])
    assert set(found.rows[EVENT_TIME]) < known
    months = found.rows[EVENT_TIME].dt.day.to_numpy()
    assert 12 < months.mean() < 20
    pd.testing.assert_frame_equal(found.rows, joined(log, tables, most=200)[1].rows)
    other = joined(log, tables, most=200, seed=8)[1].rows
    assert set(other[EVENT_TIME]) != set(found.rows[EVENT_TIME])


def test_a_sample_does_not_depend_on_the_order_of_files() -> None:
    """Neither of the log nor of the labels."""
    turned = MemoryTables()
    labels = ROWS.iloc[::-1]
    ferry_dataset.publish(turned, ROWS, labels=labels)
    straight = joined(MemoryLog(LOGGED), tables_of(ROWS), most=150)[1].rows
    other = joined(MemoryLog(LOGGED.iloc[::-1]), turned, most=150)[1].rows
    pd.testing.assert_frame_equal(straight, other)


def test_a_sample_of_keys_is_uniform() -> None:
    """Over seeds each key is drawn about as often as any other."""
    keys = np.sort(np.random.default_rng(0).integers(0, 2**63, 400).astype(np.uint64))
    drawn = np.zeros(400)
    for seed in range(300):
        drawn += np.isin(keys, sample_keys(keys, 100, seed=seed))
    assert drawn.sum() == 300 * 100
    # Of a binomial count of 300 draws at 1 in 4; the largest of 400 is below 4.5 deviations.
    assert np.abs(drawn - 75).max() < 4.5 * (300 * 0.25 * 0.75) ** 0.5


def test_many_predictions_of_few_keys_do_not_stay_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the newest of each key is kept while the log is read."""
    kept: list[int] = []
    newest = window_keys.newest_predictions

    def counting(rows: pd.DataFrame) -> pd.DataFrame:
        kept.append(len(rows))
        return newest(rows)

    monkeypatch.setattr(window_keys, "newest_predictions", counting)
    one = LOGGED.assign(key=[f"k{number % 5}" for number in range(len(LOGGED))])
    one = one.assign(row=range(len(one)))
    rows = pd.concat([one.assign(request_id=f"{time}") for time in range(5)], ignore_index=True)
    log, keys = MemoryLog(rows), WindowPredictions(MemoryLog(rows), "m", JANUARY, "string")
    found = keys.rows_of(keys.keys().hashes, COLUMNS)
    assert (len(log.read("m")), len(found)) == (6200, 5)
    assert max(kept) <= 1100


@pytest.mark.parametrize(
    ("labels", "log"), [(None, LOGGED), (ROWS, LOGGED.iloc[:0]), (ROWS.iloc[:0], LOGGED)]
)
def test_a_window_without_labels_or_predictions_is_joined_to_nothing(
    labels: pd.DataFrame | None, log: pd.DataFrame
) -> None:
    """Nothing fails where a table or a log is missing."""
    tables = MemoryTables() if labels is None else tables_of(labels)
    _, found = joined(MemoryLog(log), tables)
    assert (found.labelled, len(found.rows), found.predicted) == (0, 0, len(log))


def test_files_that_disagree_about_a_type_are_not_computable() -> None:
    """The window is inconclusive, as where it is read whole."""
    texts = LOGGED.iloc[600:].assign(score="high")
    rows = pd.concat([LOGGED.iloc[:600], texts], ignore_index=True)

    class Segments(MemoryLog):
        """Batches of their own types."""

        def stream(self, *arguments: Any, **named: Any) -> Any:
            """The rows, of each batch with the types of its values."""
            return (one.infer_objects() for one in super().stream(*arguments, **named))

    with pytest.raises(NotComputable, match="disagree about a column's type"):
        joined(Segments(rows), tables_of(ROWS))


def test_a_verdict_on_a_sample_says_so() -> None:
    """With its size, and that of the window."""
    verdict = Verdict("ok", "It holds.", {})
    rows = pd.DataFrame({"score": [0.5] * 3})
    sampled = tell_judged(verdict, JoinedLabels(9, 6, rows, 0, 0))
    assert sampled.reason == ("It holds. A sample of 3 of its 6 labelled predictions was judged.")
    assert sampled.numbers == {"sampled_rows": 3}
    assert tell_judged(verdict, JoinedLabels(9, 3, rows, 0, 0)) == verdict
