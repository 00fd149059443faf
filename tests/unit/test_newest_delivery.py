"""The newest delivery of a key: in training, performance and replay, on Delta tables and fakes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from slipway.adapters.delta_tables import DeltaTables
from slipway.stages.model.delivered_by import FeaturesDelivery, last_before
from slipway.stages.model.labelled_rows import Snapshot, join_labelled, read_labelled
from slipway.stages.monitor.labels.label_join import join_labels, read_labels
from slipway.stages.rollout.replay import recent_rows
from tests.support.ingest_env import IngestEnv, dataset_spec
from tests.support.table_rows import begun_attempt

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POISON = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.fixture
def env() -> IngestEnv:
    """Flights without deliveries and without expectations."""
    return IngestEnv(dataset_spec(expectations={}))


def _features(*keys: str, at: datetime = JANUARY, miles: float = 1.0) -> bytes:
    rows = [f"{key},{at.isoformat()},{miles}" for key in keys]
    return "\n".join(["id,at,miles", *rows, ""]).encode()


def _labels(value: int, *keys: str) -> bytes:
    return "\n".join(["id,late", *(f"{key},{value}" for key in keys), ""]).encode()


def _now(env: IngestEnv) -> Snapshot:
    features, labels = (env.tables.version(f"flights/{one}") for one in ("features", "labels"))
    clock = env.tables.newest("flights/features", "at")
    assert features is not None
    assert labels is not None
    assert clock is not None
    return Snapshot(features, labels, clock)


def _trained_on(env: IngestEnv, pins: Snapshot | None = None) -> dict[str, int]:
    rows = read_labelled(env.tables, env.spec, pins or _now(env), columns=[], target="late")
    return {key: int(late) for key, late in zip(rows["id"], rows["late"], strict=True)}


def _judged_by(env: IngestEnv) -> dict[str, float]:
    version = env.tables.version("flights/labels")
    return dict(read_labels(env.tables, env.spec, "late", version=version).items())


def test_a_label_corrected_in_another_batch_counts_without_features_in_between(
    env: IngestEnv,
) -> None:
    """The event clock stood still, and the labels that were delivered last count all the same."""
    keys = [f"k{number}" for number in range(6)]
    env.deliver("features/b1.csv", _features(*keys))
    for batch, value in (("b3", 0), ("b2", 1), ("b1", 0), ("b3", 1)):
        env.deliver(f"labels/{batch}.csv", _labels(value, *keys))
        assert _trained_on(env) == dict.fromkeys(keys, value)
        assert _judged_by(env) == dict.fromkeys(keys, value)


def test_features_delivered_again_with_an_older_event_time_count(env: IngestEnv) -> None:
    """In training and in the replay, though the clock and the old row's time are later."""
    env.deliver("features/b1.csv", _features("a", "b", at=JANUARY + 9 * DAY))
    env.deliver("labels/b1.csv", _labels(1, "a", "b"))
    env.deliver("features/b2.csv", _features("a", at=JANUARY, miles=2.0))
    rows = read_labelled(env.tables, env.spec, _now(env), columns=["miles"], target="late")
    assert dict(zip(rows["id"], rows["miles"], strict=True)) == {"a": 2.0, "b": 1.0}
    replayed = recent_rows(env.tables, env.spec, rows=10)
    assert dict(zip(replayed["id"], replayed["miles"], strict=True)) == {"a": 2.0, "b": 1.0}


def test_a_label_that_a_correction_takes_back_counts_nowhere(env: IngestEnv) -> None:
    """A missing value that was delivered last is the newest label."""
    env.deliver("features/b1.csv", _features("a", "b"))
    env.deliver("labels/b1.csv", _labels(1, "a", "b"))
    env.deliver("labels/b2.csv", b"id,late\na,\nb,0\n")
    assert _trained_on(env) == _judged_by(env) == {"b": 0}


def test_labels_after_an_absurd_date_are_seen(env: IngestEnv) -> None:
    """Before its batch is corrected and after, and a rebuild of the past sees them, too."""
    keys = [f"k{number}" for number in range(8)]
    poisoned = _features(*keys[:-1]) + f"{keys[-1]},{POISON.isoformat()},1\n".encode()
    env.deliver("features/b1.csv", poisoned)
    env.deliver("labels/b1.csv", _labels(1, *keys[:4]))
    assert len(_trained_on(env)) == 4
    env.deliver("features/b1.csv", _features(*keys))
    env.deliver("labels/b2.csv", _labels(0, *keys[4:]))
    assert _now(env).as_of == JANUARY
    assert len(_trained_on(env)) == 8
    env.deliver("features/b2.csv", _features("later", at=JANUARY + 5 * DAY))
    env.deliver("labels/b3.csv", _labels(1, *keys))
    then = replace(_now(env), as_of=JANUARY)
    assert _trained_on(env, then) == {key: int(key in keys[:4]) for key in keys}


def test_rows_at_the_very_end_of_the_newest_batch_are_in_the_snapshot(env: IngestEnv) -> None:
    """Every bound includes its own moment, so a batch of one month's end counts as a whole."""
    ends = [datetime(2013, month, 1, tzinfo=UTC) - DAY for month in (2, 3, 4)]
    for number, end in enumerate(ends):
        keys = [f"m{number}-{row}" for row in range(5)]
        env.deliver(f"features/b{number}.csv", _features(*keys, at=end))
        env.deliver(f"labels/b{number}.csv", _labels(1, *keys))
        joined = join_labelled(env.tables, env.spec, _now(env), columns=[], target="late")
        assert len(joined.rows) == 5 * (number + 1)
        assert not any(joined.left_out.values())


def test_what_a_snapshot_leaves_out_is_counted_by_reason(env: IngestEnv) -> None:
    """Rows without a partner, without a value, replaced, or delivered later than its point."""
    env.deliver("features/b1.csv", _features("a", "b", "c"))
    env.deliver("labels/b1.csv", b"id,late\na,1\nb,\nx,0\n")
    env.deliver("labels/b2.csv", _labels(0, "a"))
    env.deliver("features/b2.csv", _features("a", "d", at=JANUARY + DAY))
    env.deliver("labels/b3.csv", _labels(1, "d"))
    today = join_labelled(env.tables, env.spec, _now(env), columns=[], target="late")
    assert today.rows["id"].tolist() == ["a", "d"]
    assert today.left_out == {
        "later_features": 0,
        "replaced_features": 1,
        "later_labels": 0,
        "replaced_labels": 1,
        "labels_without_value": 1,
        "features_without_label": 2,
        "labels_without_features": 1,
    }
    past = replace(_now(env), as_of=JANUARY)
    then = join_labelled(env.tables, env.spec, past, columns=[], target="late")
    assert (then.left_out["later_features"], then.left_out["later_labels"]) == (2, 1)


@pytest.mark.parametrize(
    ("key_type", "logged", "expected"),
    [
        ("integer", ["7", "7.0", "9007199254740993", "x"], {"7": 1, "9007199254740993": 1}),
        ("string", ["7", "7.0", "007"], {"7": 1, "7.0": 0, "007": 0}),
    ],
)
def test_logged_keys_join_in_their_canonical_text(
    key_type: str, logged: list[str], expected: dict[str, int]
) -> None:
    """An integer's spellings are one key; a text is a key to the letter."""
    received = pd.to_datetime([JANUARY + place * DAY for place in range(len(logged))])
    rows = pd.DataFrame({"key": logged, "received_at": received, "score": 0.5})
    labels = pd.Series({"7": 1.0, "9007199254740993": 1.0})
    joined = join_labels(rows, labels, key_type=key_type)  # type: ignore[arg-type]
    assert joined.predicted == len(expected)
    assert len(joined.rows) == sum(expected.values())


@pytest.mark.parametrize("kind", ["memory", "delta"])
def test_rows_from_before_deliveries_were_numbered_are_the_oldest(
    kind: str, env: IngestEnv, tmp_path: Path
) -> None:
    """Among themselves the event clock at their delivery counts; any numbered one comes after."""
    if kind == "delta":
        env.tables = DeltaTables(str(tmp_path))  # type: ignore[assignment]

    def publish_old(stream: str, batch: str, frame: pd.DataFrame, *, clock: datetime) -> None:
        env.tables.publish(
            f"flights/{stream}",
            [frame.assign(_revision=1, _available_at=clock)],
            batch=batch,
            writer=f"{stream}-{batch}",
            attempt=begun_attempt(),
            note={},
        )

    keys = pd.DataFrame({"id": ["a", "b", "c"]})
    features = keys.assign(at=pd.Timestamp(JANUARY), miles=1.0)
    publish_old("features", "b1", features, clock=JANUARY)
    publish_old("labels", "z", keys.assign(late=0), clock=JANUARY)
    publish_old("labels", "y", keys.assign(late=1), clock=POISON)
    assert _trained_on(env) == _judged_by(env) == {"a": 1, "b": 1, "c": 1}
    env.deliver("labels/a.csv", _labels(0, "a", "b"))
    assert _trained_on(env) == _judged_by(env) == {"a": 0, "b": 0, "c": 1}
    env.deliver("features/b2.csv", _features("a", at=JANUARY + DAY, miles=2.0))
    env.deliver("labels/b2.csv", _labels(1, "a"))
    assert _trained_on(env) == {"a": 1, "b": 0, "c": 1}
    then = replace(_now(env), as_of=JANUARY)
    assert _trained_on(env, then) == {"a": 0, "b": 0, "c": 0}


def test_the_clock_at_a_delivery_follows_later_corrections() -> None:
    """A batch's time counts as far as each later revision upholds it, from its first delivery."""
    history = [
        FeaturesDelivery("b1", 2, JANUARY),
        FeaturesDelivery("b2", 4, POISON),
        FeaturesDelivery("b2", 6, JANUARY + 2 * DAY),
        FeaturesDelivery("b2", 9, JANUARY + 5 * DAY),
    ]
    days = range(-1, 6)
    assert [last_before(history, JANUARY + day * DAY) for day in days] == [1, 3, 3, 8, 8, 8, None]
