"""Every reader sees what was delivered last, after any history of deliveries."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.delta_tables import DeltaTables
from slipway.spec import ModelSpec
from slipway.stages.model.labelled_rows import Snapshot, join_labelled, read_labelled
from slipway.stages.monitor.labels.label_join import read_labels
from slipway.stages.rollout.replay import recent_rows
from tests.support.batch_scoring_env import BatchScoringEnv
from tests.support.delivery_history import ABSURD, Delivered, HistoryModel, Row, at
from tests.support.ingest_env import IngestEnv, dataset_spec

IN_MEMORY, ON_DELTA = 60, 8
"""Histories of a run: in memory, and through real Delta tables."""

SCORED = ModelSpec.model_validate(
    {
        "model": "far",
        "dataset": "flights",
        "task": "regression",
        "target": "late",
        "features": {"numeric": ["miles"]},
        "estimator": {"name": "sklearn.linear_model.Ridge"},
        "gates": {"metrics": {"mean_absolute_error": {}}},
        "monitoring": {"performance": {"metric": "mean_absolute_error", "max_absolute_drop": 1}},
        "deployment": {"target": "batch", "batch": {"partition": "month", "chunk_rows": 2}},
    }
)
KEYS = st.sampled_from([f"k{number}" for number in range(6)])
BATCHES = st.sampled_from([f"2013-0{number}" for number in range(1, 5)])
LABELS = st.tuples(st.just(0), st.integers(0, 1))
# Few days and values, so that clocks tie and corrections change nothing, too.
FEATURES = st.tuples(st.sampled_from([*range(13), ABSURD, ABSURD]), st.integers(1, 3))


def _delivered(stream: Any, rows: st.SearchStrategy[Row]) -> st.SearchStrategy[Delivered]:
    by_key = st.dictionaries(KEYS, rows, min_size=1, max_size=4)
    return st.builds(Delivered, st.just(stream), BATCHES, by_key)


HISTORIES = st.lists(
    _delivered("features", FEATURES) | _delivered("labels", LABELS), min_size=2, max_size=10
)
"""Batches, corrections, repeats, late batches and absurd dates: a batch may come at any time."""


def _labelled(env: IngestEnv, pins: Snapshot) -> dict[str, tuple[int, int, int]]:
    rows = read_labelled(env.tables, env.spec, pins, columns=["miles"], target="late")
    return {
        row.id: ((row.at - at(0)).days, int(row.miles), int(row.late)) for row in rows.itertuples()
    }


def _pins(env: IngestEnv, clock: int) -> Snapshot | None:
    features, labels = (env.tables.version(f"flights/{one}") for one in ("features", "labels"))
    return None if features is None or labels is None else Snapshot(features, labels, at(clock))


def _follow(env: IngestEnv, history: list[Delivered]) -> HistoryModel:
    model = HistoryModel()
    seen: list[tuple[Snapshot, dict[str, tuple[int, int, int]], int]] = []
    for one in history:
        expected = model.deliver(one)
        verdict = env.deliver(f"{one.stream}/{one.batch}.csv", one.csv())
        action = verdict.action
        assert (action if action in {"blocked", "duplicate"} else "accepted") == expected
        pins = _pins(env, model.clock())
        if pins is None:
            continue
        assert env.tables.newest("flights/features", "at") == pins.as_of
        assert _labelled(env, pins) == model.labelled()
        _check_other_readers(env, model, pins)
        seen.append((pins, model.labelled(), model.clock()))
    _check_the_past(env, model, seen)
    return model


def _check_other_readers(env: IngestEnv, model: HistoryModel, pins: Snapshot) -> None:
    labels = read_labels(env.tables, env.spec, "late", version=pins.labels_version)
    assert dict(labels.items()) == {key: row[1] for key, row in model.newest("labels").items()}
    replayed = recent_rows(env.tables, env.spec, rows=100)
    features = model.newest("features")
    assert dict(zip(replayed["id"], replayed["miles"], strict=True)) == {
        key: miles for key, (_, miles) in features.items()
    }
    counted = join_labelled(env.tables, env.spec, pins, columns=["miles"], target="late")
    for stream, without in (("features", "label"), ("labels", "features")):
        delivered = env.tables.count(f"flights/{stream}")
        left_out = counted.left_out
        assert left_out[f"later_{stream}"] == 0
        assert delivered == (
            len(counted.rows)
            + left_out[f"replaced_{stream}"]
            + left_out[f"{stream}_without_{without}"]
        )


def _check_the_past(
    env: IngestEnv,
    model: HistoryModel,
    seen: list[tuple[Snapshot, dict[str, tuple[int, int, int]], int]],
) -> None:
    revised = len(model.accepted) > sum(len(model.live(one)) for one in ("features", "labels"))
    last_at = {clock: rows for _, rows, clock in seen}
    for pins, rows, clock in seen:
        assert _labelled(env, pins) == rows
        rebuilt = _labelled(env, replace(seen[-1][0], as_of=at(clock)))
        assert rebuilt == model.labelled(until=model.last_by(clock))
        if not revised:
            assert rebuilt == last_at[clock]


def _scored(folder: Path) -> dict[str, float]:
    """Score of each key after scoring January, where the miles are the score."""
    env = BatchScoringEnv(folder, SCORED, dataset_spec(expectations={}), column="miles")
    env.crown(1, trained_until="2012-12-31T00:00:00+00:00")
    env.score_all("2013-01")
    rows = env.scores.read(SCORED.model)
    return dict(zip(rows["key"], rows["score"], strict=True))


def _env() -> IngestEnv:
    return IngestEnv(dataset_spec(expectations={}))


@settings(max_examples=IN_MEMORY, deadline=None)
@given(HISTORIES)
def test_readers_see_what_was_delivered_last(history: list[Delivered]) -> None:
    """Training, performance and replay after each delivery; and rebuilds of each moment before."""
    _follow(_env(), history)


@settings(max_examples=ON_DELTA, deadline=None)
@given(HISTORIES)
def test_readers_of_delta_tables_see_what_was_delivered_last(history: list[Delivered]) -> None:
    """The same with real tables and their pinned versions, and in batch scoring."""
    with tempfile.TemporaryDirectory() as folder:
        env = _env()
        env.tables = DeltaTables(folder)  # type: ignore[assignment]
        features = _follow(env, history).newest("features")
        if features:
            expected = {key: miles for key, (_, miles) in features.items()}
            assert _scored(Path(folder)) == expected
