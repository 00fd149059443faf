"""Keys are exact in every join: neighbours beyond 2^53 stay apart, whatever joins them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.monitor.labels.label_join import join_labels, read_labels
from slipway.stages.rollout.replay import recent_rows
from tests.support import ferry_dataset
from tests.support.batch_scoring_env import MARCH, BatchScoringEnv
from tests.support.table_rows import begun_attempt

INTEGERS = [2**53 - 1, 2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1, -(2**63), -(2**53) - 1, 0, 7]
TEXTS = [str(one) for one in INTEGERS] + [
    "7.0",
    "007",
    "\u00e9",
    "e\u0301",
    " 7",
    "1e3",
    "NaN",
    "None",
]


@pytest.fixture(params=["integer", "string"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> BatchScoringEnv:
    """Ferries whose key is of a type: one row per key, each delivered twice, and labelled."""
    value = ferry_dataset.dataset().model_dump()
    for stream in ("features", "labels"):
        value["streams"][stream]["columns"]["crossing"]["type"] = request.param
    batch = {"target": "batch", "batch": {"chunk_rows": 3}}
    spec = ferry_dataset.model().model_dump() | {"model": "tide", "deployment": batch}
    made = BatchScoringEnv(
        tmp_path, ModelSpec.model_validate(spec), DatasetSpec.model_validate(value)
    )
    keys = INTEGERS if request.param == "integer" else TEXTS
    rows = pd.DataFrame(
        {
            "crossing": pd.array(keys, dtype="Int64" if request.param == "integer" else "str"),
            "departs": [MARCH + timedelta(hours=place) for place in range(len(keys))],
            "wind": [float(place) for place in range(len(keys))],
            "port": "Oban",
        }
    )
    made.publish(rows.assign(wind=-1.0), batch="first")
    made.publish(rows, batch="again")
    made.tables.publish(
        "ferries/labels",
        [rows[["crossing"]].assign(late=range(len(keys)), _delivery=3)],
        batch="first",
        writer="labels",
        attempt=begun_attempt(),
        note={},
    )
    return made


def _keys(env: BatchScoringEnv) -> list[int] | list[str]:
    is_text = env.dataset.streams.features.columns["crossing"].type == "string"
    return TEXTS if is_text else INTEGERS


def test_training_joins_each_key_with_its_own_label(env: BatchScoringEnv) -> None:
    """Wind and label have the key's place, so a wrong partner would show."""
    versions = [env.tables.version(f"ferries/{one}") or 0 for one in ("features", "labels")]
    pins = Snapshot(*versions, as_of=datetime(2014, 1, 1, tzinfo=UTC))
    rows = read_labelled(env.tables, env.dataset, pins, columns=["wind"], target="late")
    assert rows["crossing"].tolist() == _keys(env)
    assert rows["wind"].tolist() == rows["late"].tolist() == list(range(len(_keys(env))))


def test_performance_joins_each_logged_key_with_its_own_label(env: BatchScoringEnv) -> None:
    """Logged keys are texts; the tables' keys are of their type."""
    labels = read_labels(
        env.tables, env.dataset, "late", version=env.tables.version("ferries/labels")
    )
    logged = pd.DataFrame(
        {
            "key": [str(one) for one in _keys(env)],
            "received_at": MARCH,
            "score": [float(place) for place in range(len(_keys(env)))],
        }
    )
    kind = env.dataset.streams.features.columns["crossing"].type
    joined = join_labels(logged, labels, key_type=kind)
    assert joined.predicted == len(joined.rows) == len(_keys(env))
    assert joined.rows["score"].tolist() == joined.rows["label"].tolist()


def test_replay_and_scores_have_the_row_of_each_key_that_came_last(env: BatchScoringEnv) -> None:
    """The first delivery's wind cannot be scored, so none of its rows may be left."""
    replayed = recent_rows(env.tables, env.dataset, rows=100)  # type: ignore[arg-type]
    assert dict(zip(replayed["crossing"], replayed["wind"], strict=True)) == {
        key: float(place) for place, key in enumerate(_keys(env))
    }
    env.crown(1, trained_until="2013-01-01T00:00:00+00:00")
    env.score_all()
    scored = env.scores.read("tide")
    assert dict(zip(scored["key"], scored["score"], strict=True)) == {
        str(key): float(place) for place, key in enumerate(_keys(env))
    }
